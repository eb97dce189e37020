import path from 'node:path';

/** Of an event of node:test about a test. */
interface AboutTest {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly line?: number;
}

interface UnfinishedTest {
  readonly names: readonly string[];
  readonly line: number | undefined;
  isRunning: boolean;
}

/** What has been defined in each file and is not finished: of a process that has ended, node:test reports only the file. */
export class UnfinishedTests {
  readonly #byFile = new Map<string, UnfinishedTest[]>();
  /** The names of the tests that run, by file. */
  readonly #running = new Map<string, readonly string[]>();

  follow(type: string, { file = '', nesting, name, line: at }: AboutTest): void {
    if (!/^test:(enqueue|dequeue|complete)$/.test(type)) return;
    // The file itself is one, too.
    if (path.resolve(name) === file) return;
    const names = [...(this.#running.get(file) ?? []).slice(0, nesting), name];
    const tests = this.#byFile.get(file) ?? [];
    if (type === 'test:enqueue') this.#byFile.set(file, [...tests, { names, line: at, isRunning: false }]);
    const index = tests.findIndex((each) => each.names.length === nesting + 1 && each.names.at(-1) === name);
    if (type === 'test:dequeue') {
      this.#running.set(file, names);
      if (tests[index]) tests[index].isRunning = true;
    } else if (type === 'test:complete' && index >= 0) tests.splice(index, 1);
  }

  /** Without the suites that they are in; what runs comes first. */
  of(file: string): readonly UnfinishedTest[] {
    const tests = this.#byFile.get(file) ?? [];
    const isSuite = ({ names }: UnfinishedTest): boolean =>
      tests.some((each) => each.names.length > names.length && names.every((name, i) => each.names[i] === name));
    const single = tests.filter((each) => !isSuite(each));
    return [...single.filter(({ isRunning }) => isRunning), ...single.filter(({ isRunning }) => !isRunning)];
  }
}
