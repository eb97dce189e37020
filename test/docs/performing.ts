/** Does what the console blocks of a page show, with the files of the page. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SOURCE } from '../../src/bot/loading/resolve-import.ts';
import { LAB, shell } from '../e2e/chatosbot.ts';
import { runShared } from '../e2e/shared-process.ts';
import { warmUp } from '../support/warm-up.ts';
import { applyDiff } from './diff.ts';
import { readFences, type Fence } from './fences.ts';
import { readSessions, type Session } from './sessions.ts';

/** A section of a page: its console blocks, each with the files as they are by then. */
export interface Step {
  readonly title: string;
  readonly blocks: { readonly sessions: readonly Session[]; readonly files: ReadonlyMap<string, string> }[];
}

/** A page whose blocks have the names of files. */
export interface Walkthrough {
  readonly steps: readonly Step[];
  /** The files in the end. */
  readonly files: ReadonlyMap<string, string>;
  /** What the diffs lead to, of the file that was written last. */
  readonly grown: string | undefined;
}

/** Reads a page. */
export function readWalkthrough(file: string): Walkthrough {
  const files = new Map<string, string>();
  const steps = new Map<string, Step>();
  let grown: string | undefined;
  for (const { page, line, section, language, name, text } of readFences(file)) {
    if (language === 'console') {
      const step = steps.get(section) ?? { title: section, blocks: [] };
      steps.set(section, step);
      step.blocks.push({ sessions: readSessions(text), files: new Map(files) });
    } else if (name !== undefined) {
      grown = files.get(name);
      files.set(name, language === 'diff' ? diffed({ page, line, text }, files.get(name)) : text);
    }
  }
  return { steps: [...steps.values()], files, grown };
}

function diffed({ page, line, text }: Pick<Fence, 'page' | 'line' | 'text'>, before = ''): string {
  try {
    return applyDiff(before, text);
  } catch (error) {
    throw new Error(`${page}:${line}: ${(error as Error).message}`, { cause: error });
  }
}

/** A folder of a project in which chatosbot is installed, for a step of a page. */
export function projectFolder(page: string, title: string): string {
  const directory = path.join(LAB, path.basename(page, '.md'), title.replaceAll(/\W+/g, '-'));
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'package.json'), '{}');
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'));
  return directory;
}

/** Writes files of a page. */
export function writeFiles(directory: string, files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (name.endsWith('.sh')) chmodSync(file, 0o755);
    if (SOURCE.test(name)) warmUp(file, text);
  }
}

/** Does the sessions of a step one after the other; resolves to the lines of each, and those that the page shows. */
export async function performStep(
  { title, blocks }: Step,
  page: string,
): Promise<{ did: string[]; shown: string[] }[]> {
  const directory = projectFolder(page, title);
  const results: { did: string[]; shown: string[] }[] = [];
  /** The server that a session has started: it runs until the step is over. */
  let server: string | undefined;
  for (const { sessions, files } of blocks) {
    writeFiles(directory, files);
    for (const session of sessions) {
      const did = await perform(session, directory, server);
      server = /^listening on (\S+)$/.exec(did.find((line) => line.startsWith('listening on ')) ?? '')?.[1] ?? server;
      const shown = session.turns.flatMap((turn) => turn.shown.map(masked));
      results.push({ did: did.map(masked), shown });
    }
  }
  return results;
}

/** Servers take a free port, and not those that the docs show. */
const env: Record<string, string> = { CHATOSBOT_LISTEN: '127.0.0.1:0', CHATOSBOT_STATUS: '127.0.0.1:0' };

/** Commands that end by themselves, and need no shell. */
const SIMPLE = /^chatosbot (?:check|policy|schedule|store)(?: [\w.:/-]+)*$/;

/** Does what a session does, each line when what comes before it has been shown; resolves to what is shown. */
async function perform(session: Session, cwd: string, server: string | undefined): Promise<string[]> {
  const line = session.command.replaceAll('npx ', '');
  const where: Record<string, string> = server === undefined ? {} : { CHATOSBOT_SERVER: server };
  if (session.turns.length === 1 && SIMPLE.test(line)) {
    const { stdout, stderr } = await runShared(line.split(' ').slice(1), { cwd, env: { ...env, ...where } });
    return (stdout + stderr).match(/[^\n]+/g) ?? [];
  }
  const command = shell(`exec 2>&1; ${line}`, { cwd, env: { ...env, ...where }, input: 'open' });
  for (const { typed, shown } of session.turns) {
    if (typed !== undefined) command.type(`${typed}\n`);
    for (const text of shown) await command.line(lineLike(masked(text)), 'stdout');
  }
  const lines = (): string[] => command.stdout.toString().match(/[^\n]+/g) ?? [];
  if (/chatosbot (run|serve)/.test(line)) return lines();
  command.stdin.end();
  await command.exit();
  return lines();
}

/** The line, with whatever time and port. */
function lineLike(text: string): RegExp {
  const pattern = text
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/^TIME/, '[-\\dT:Z]+')
    .replace(/:PORT/g, ':\\d+');
  return new RegExp(`^${pattern}`);
}

/** What differs from one time to the next, or between a terminal and a script, made the same. */
function masked(line: string): string {
  return line
    .replace('; /help shows how', '')
    .replace(/^\d\d:\d\d:\d\d /, 'TIME ')
    .replace(/^\d{4}-\d\d-\d\dT[\d:]+Z (info|warn)/, 'TIME $1')
    .replace(/(127\.0\.0\.1):\d+/g, '$1:PORT')
    .replace(/chatosbot chat --server \S+/, 'chatosbot chat');
}
