import { fileURLToPath, pathToFileURL } from 'node:url';

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

interface NodeTestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly file?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly message?: string;
    readonly details?: { readonly type?: string; readonly error?: Error & { failureType?: string; cause?: unknown } };
  };
}

/** The module of the test that replaces a file that cannot be loaded; it has the file's name. */
const STAND_IN = fileURLToPath(new URL('load-test.js', import.meta.url));

/** A reporter of node:test: https://nodejs.org/api/test.html#custom-reporters */
export default async function* report(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  /** The names of the enclosing tests, by file. */
  const started = new Map<string, string[]>();
  for await (const { type, data } of source) {
    const { file = '', nesting, name } = data;
    if (type === 'test:start') {
      started.set(file, [...(started.get(file) ?? []).slice(0, nesting), name]);
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      yield line({ type: 'output', text: data.message ?? '' });
    } else if (type === 'test:pass' || type === 'test:fail') {
      const { details = {}, skip, todo } = data;
      const { error } = details;
      // A suite fails with its tests; so does a test with subtests.
      if (error ? error.failureType === 'subtestsFailed' : details.type === 'suite') continue;
      const skipped = [skip, todo].some((flag) => flag !== undefined && flag !== false);
      const names = [...(started.get(file) ?? []).slice(0, nesting), name];
      const ofFile = file === STAND_IN || file === pathToFileURL(STAND_IN).href;
      const ok = type === 'test:pass' || skipped;
      yield line({ type: 'test', file: ofFile ? '' : file, names, ok, skipped, problem: describe(error) });
    }
  }
}

/** The message of an error, with its place. */
function describe(error: (Error & { cause?: unknown }) | undefined): string | undefined {
  if (!error) return undefined;
  const cause = error.cause instanceof Error ? error.cause : error;
  const message = typeof error.cause === 'string' ? error.cause : cause.message;
  const frame = cause.stack?.split('\n').find((each) => /^\s+at .*\.test\.[cm]?[jt]s:\d+:\d+/.test(each));
  return frame === undefined ? message : `${message}\n${frame.trim()}`;
}

function line(event: TestFileEvent): string {
  return `${JSON.stringify(event)}\n`;
}
