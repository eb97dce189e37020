/** The built command line, with a home and a working directory of this test file's own. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SOURCE } from '../../src/bot/loading/resolve-import.ts';
import { Command, endCommands, type CommandOptions, type Ended } from '../support/command.ts';
import { aroundEachFile } from '../support/each-file.ts';
import { TESTED_SERVER } from '../support/left-out.ts';
import { ownAddress } from '../support/own-port.ts';
import { warmUp } from '../support/warm-up.ts';
import { clusterOf } from './its-cluster.ts';

/** The built program, as `bin` of package.json names it. */
export const MAIN = fileURLToPath(new URL('../../dist/cli/chatosbot.cjs', import.meta.url));
/** What makes `chatosbot` a command of a bash script. */
export const DEFINITION = `chatosbot() { "${process.execPath}" "${MAIN}" "$@"; }`;

/** A folder that is new for each test file, and removed at its end. */
export const LAB = mkdtempSync(path.join(tmpdir(), 'chatosbot-e2e-'));
const HOME = path.join(LAB, 'home');
/** Where commands run: no configuration in it, and none is looked for above it. */
export const WORK = path.join(LAB, 'work');
/** All clients of a test come from one address, and more at once than one may have. */
export const EXEMPTING = path.join(WORK, 'exempting.yaml');

aroundEachFile({
  begin() {
    for (const directory of [HOME, WORK]) mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(WORK, 'package.json'), '{}');
    writeFileSync(EXEMPTING, 'serve: { limits: { exempt: [127.0.0.0/8] } }\n');
  },
  async end() {
    await endCommands();
    rmSync(LAB, { recursive: true, force: true });
  },
});

/** Writes a file into the lab (its folders too) and returns its path. A plugin is compiled by then, unless it has an error. */
export function labFile(name: string, content: string | Uint8Array): string {
  const file = path.join(LAB, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  if (typeof content === 'string' && SOURCE.test(name)) warmUp(file, content);
  return file;
}

/** A folder for `PATH`, in which `chatosbot` is the built command line. */
export function commandFolder(): string {
  const file = labFile('bin/chatosbot', `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(file, 0o755);
  return path.dirname(file);
}

/** What differs from a clean environment, and from an empty working directory. */
export type Options = Partial<CommandOptions>;

/** A clean environment, without PATH, and what is added to it. */
export function environment(added: Options['env']): Record<string, string> {
  const workers: Record<string, string> = TESTED_SERVER === 'workers' ? { CHATOSBOT_WORKERS: '2', TMPDIR: LAB } : {};
  return { HOME, ...workers, XDG_CACHE_HOME: process.env['XDG_CACHE_HOME']!, LANG: 'C.UTF-8', ...added };
}

function inLab({ env, ...options }: Options): CommandOptions {
  return { cwd: WORK, ...options, env: environment(env) };
}

/** Starts any program. */
export function startProgram(file: string, args: readonly string[], options: Options = {}): Command {
  return new Command(file, args, inLab(options));
}

/** Starts `chatosbot …`. */
export function start(args: readonly string[], options: Options = {}): Command {
  return startProgram(process.execPath, [MAIN, ...args], options);
}

/** Runs `chatosbot …` to its end. */
export function run(args: readonly string[], options: Options = {}): Promise<Ended> {
  return start(args, options).exit();
}

/** Runs a script of bash, in which `chatosbot` is the built command line. */
export function shell(script: string, options: Options = {}): Command {
  return startProgram('bash', ['-c', `${DEFINITION}\n${script}`], options);
}

/**
 * A server on a port that it keeps when it is started again, ready. With `CHATOSBOT_TEST_SERVER=node`, it is one of the two
 * nodes of a cluster of its own.
 */
export async function startServer(
  args: readonly string[] = [],
): Promise<{ command: Command; port: number; at: string }> {
  const config = args.includes('--config') ? [] : ['--config', EXEMPTING];
  const cluster = TESTED_SERVER === 'node' ? await clusterOf(args) : undefined;
  const env = cluster?.environment ?? {};
  const command = start(['serve', '--listen', await ownAddress(), ...config, ...args], { env });
  const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  cluster?.listensAt(`127.0.0.1:${port}`);
  return { command, port: Number(port), at: `127.0.0.1:${port}` };
}

/** How a command ends that fails in a way that is not its fault: in a line for a person, never a trace. */
export async function failure(command: Command | Promise<Ended>): Promise<{ status: number | null; last: string }> {
  const { status, stderr } = await (command instanceof Command ? command.exit() : command);
  if (/^ +at /m.test(stderr)) throw new Error(`a trace was shown:\n${stderr}`);
  return { status, last: stderr.trimEnd().split('\n').at(-1)! };
}

let chats = 0;

/** A chat that is scripted through its input, logged in as `me`. */
export async function startChat(at: string, args: readonly string[] = []): Promise<{ chat: Command; me: string }> {
  const me = `me-${++chats}`;
  const chat = start(['chat', '--server', at, '--login', me, ...args], { input: 'open' });
  await chat.line(/logged in as/, args.includes('--json') ? 'stdout' : 'stderr');
  return { chat, me };
}
