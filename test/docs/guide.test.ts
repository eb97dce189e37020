import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { LAB, shell } from '../e2e/chatosbot.ts';
import { applyDiff } from './diff.ts';
import { readFences, type Fence } from './fences.ts';
import { readSessions, type Session } from './sessions.ts';

/** A step of the guide: its console blocks, each with the files as they are by then. */
interface Step {
  readonly title: string;
  readonly blocks: { readonly sessions: readonly Session[]; readonly files: ReadonlyMap<string, string> }[];
}

const files = new Map<string, string>();
/** What the diffs lead to, which the guide shows as a whole in the end. */
let grown: string | undefined;
const steps = new Map<string, Step>();
for (const { page, line, section, language, name, text } of readFences('docs/guide.md')) {
  if (language === 'console') {
    const step = steps.get(section) ?? { title: section, blocks: [] };
    steps.set(section, step);
    step.blocks.push({ sessions: readSessions(text), files: new Map(files) });
  } else if (name !== undefined) {
    grown = files.get('lunch.ts');
    files.set(name, language === 'diff' ? diffed({ page, line, text }, files.get(name)) : text);
  }
}

function diffed({ page, line, text }: Pick<Fence, 'page' | 'line' | 'text'>, before = ''): string {
  try {
    return applyDiff(before, text);
  } catch (error) {
    throw new Error(`${page}:${line}: ${(error as Error).message}`, { cause: error });
  }
}

/** Servers take a free port, and not those that the docs show. */
const env: Record<string, string> = { CHATOSBOT_LISTEN: '127.0.0.1:0', CHATOSBOT_STATUS: '127.0.0.1:0' };
/** The server that a session has started: it runs until the step is over. */
let running: { readonly server: string } | undefined;

beforeAll(() => {
  symlinkSync(path.resolve('node_modules'), path.join(LAB, 'node_modules'));
});

describe('the guide', () => {
  test.each([...steps.values()])('shows what happens in $title', async ({ title, blocks }) => {
    const directory = path.join(LAB, title.replaceAll(/\W+/g, '-'));
    mkdirSync(directory);
    writeFileSync(path.join(directory, 'package.json'), '{}');
    for (const { sessions, files: there } of blocks) {
      for (const [file, text] of there) writeFileSync(path.join(directory, file), text);
      for (const session of sessions) expect(await perform(session, directory)).toEqual(linesOf(session));
    }
  });

  test('ends with the file that its steps lead to', () => {
    expect(files.get('lunch.ts')).toBe(grown);
  });
});

/** The lines that a session shows. */
function linesOf({ turns }: Session): string[] {
  return turns.flatMap(({ shown }) => shown.map(masked));
}

/** Does what a session does, each line when what comes before it has been shown; resolves to what is shown. */
async function perform(session: Session, cwd: string): Promise<string[]> {
  const line = session.command.replaceAll('npx ', '');
  const where: Record<string, string> = running ? { CHATOSBOT_SERVER: running.server } : {};
  const command = shell(`exec 2>&1; ${line}`, { cwd, env: { ...env, ...where }, input: 'open' });
  for (const { typed, shown } of session.turns) {
    if (typed !== undefined) command.type(`${typed}\n`);
    for (const text of shown) await command.line(lineLike(masked(text)), 'stdout');
  }
  const lines = (): string[] => command.stdout.toString().trimEnd().split('\n').map(masked);
  if (/ run /.test(line)) {
    const [, server] = /listening on (\S+)/.exec(command.stdout.toString())!;
    running = { server: server! };
    return lines();
  }
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
