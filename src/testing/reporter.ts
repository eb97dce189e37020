import { fileURLToPath, pathToFileURL } from 'node:url';
import { ownModule } from '../own-files.ts';
import { UNSETTLED_AWAIT } from './pending-tests.ts';
import { UnfinishedTests } from './unfinished-tests.ts';

/** The result of a test of node:test, as the child process reports it, a line each. */
export type TestFileEvent =
  | {
      readonly type: 'test';
      /** Empty if the name is that of the file. */
      readonly file: string;
      /** The names of its suites and its own. */
      readonly names: readonly string[];
      readonly ok: boolean;
      readonly skipped: boolean;
      readonly problem?: string | undefined;
    }
  | { readonly type: 'output'; readonly text: string };

type TestError = Error & {
  readonly failureType?: string;
  readonly cause?: unknown;
  /** Of a file that ended its process. */
  readonly exitCode?: number;
};

interface NodeTestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly file?: string;
    readonly line?: number;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly message?: string;
    readonly details?: { readonly type?: string; readonly error?: TestError };
  };
}

/** The module of the test that replaces a file that cannot be loaded; it has the file's name. */
const STAND_IN = fileURLToPath(ownModule('testing/load-test'));

const AWAITS_NOTHING =
  'it awaits something that can never come: no timer, connection or file is left that it could come from';
const BEHIND_PENDING = 'it was not run to its end: a test before it awaits something that can never come';

/** A reporter of node:test: https://nodejs.org/api/test.html#custom-reporters */
export default async function* report(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  /** The names of the enclosing tests, by file. */
  const started = new Map<string, string[]>();
  /** Files with a test that waits for ever: those behind it are cancelled. */
  const pendingIn = new Set<string>();
  const unfinished = new UnfinishedTests();
  for await (const { type, data } of source) {
    const { file = '', nesting, name } = data;
    unfinished.follow(type, data);
    if (type === 'test:start') {
      started.set(file, [...(started.get(file) ?? []).slice(0, nesting), name]);
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      yield line({ type: 'output', text: data.message ?? '' });
    } else if (type === 'test:pass' || type === 'test:fail') {
      const { details = {}, skip, todo } = data;
      const { error } = details;
      // A suite fails with its tests; so does a test with subtests.
      if (error ? error.failureType === 'subtestsFailed' : details.type === 'suite') continue;
      const pending = error?.exitCode === UNSETTLED_AWAIT ? unfinished.of(file) : [];
      for (const { names, line: at, isRunning } of pending) {
        const problem = `${isRunning ? AWAITS_NOTHING : BEHIND_PENDING}\nat ${file}:${at}`;
        yield line({ type: 'test', file, names, ok: false, skipped: false, problem });
      }
      if (pending.length > 0) continue;
      const skipped = [skip, todo].some((flag) => flag !== undefined && flag !== false);
      const names = [...(started.get(file) ?? []).slice(0, nesting), name];
      const ofFile = file === STAND_IN || file === pathToFileURL(STAND_IN).href;
      const ok = type === 'test:pass' || skipped;
      const isFirst = !pendingIn.has(file);
      if (error && isPending(error)) pendingIn.add(file);
      yield line({
        type: 'test',
        file: ofFile ? '' : file,
        names,
        ok,
        skipped,
        problem: describe(error, data, isFirst),
      });
    }
  }
}

/** The message of an error, with its place. */
function describe(
  error: TestError | undefined,
  { file = '', line: at }: NodeTestEvent['data'],
  isFirst: boolean,
): string | undefined {
  if (!error) return undefined;
  const pending = pendingProblem(error, isFirst);
  if (pending !== undefined) return at === undefined ? pending : `${pending}\nat ${file}:${at}`;
  const cause = error.cause instanceof Error ? error.cause : error;
  const message = typeof error.cause === 'string' ? error.cause : cause.message;
  const frame = cause.stack?.split('\n').find((each) => /^\s+at .*\.test\.[cm]?[jt]s:\d+:\d+/.test(each));
  return frame === undefined ? message : `${message}\n${frame.trim()}`;
}

/** What is waited for in vain, where that is the problem: Node's own words are "test failed" and less. */
function pendingProblem(error: TestError, isFirst: boolean): string | undefined {
  if (error.exitCode === UNSETTLED_AWAIT) {
    return 'an await at the top of the file waits for something that can never come';
  }
  if (!isPending(error)) return undefined;
  return isFirst ? AWAITS_NOTHING : BEHIND_PENDING;
}

function isPending({ cause, message }: TestError): boolean {
  const text = cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : message;
  return text.includes('Promise resolution is still pending');
}

function line(event: TestFileEvent): string {
  return `${JSON.stringify(event)}\n`;
}
