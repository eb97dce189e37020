import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';
import { writeLine } from '../terminal/output.ts';

/** The result of a test. */
export interface TestResult {
  /** The plugin, or the file of tests. */
  readonly of: string;
  /** The example, or the test; empty for a file as a whole. */
  readonly name: string;
  readonly ok: boolean;
  readonly skipped?: boolean;
  /** What was expected and what was heard; for an example only. */
  readonly answers?: { readonly expected: readonly (string | RegExp)[]; readonly heard: readonly string[] };
  readonly problems?: readonly string[];
}

/** Writes the results of tests, a line each, and counts them. */
export class TestReport {
  readonly #json: boolean;
  readonly #signal: AbortSignal;
  passed = 0;
  failed = 0;
  skipped = 0;

  /** @param signal of who interrupts the tests: a reader that has stalled is not waited for then */
  constructor(json: boolean, signal: AbortSignal) {
    this.#json = json;
    this.#signal = signal;
  }

  async add(result: TestResult): Promise<void> {
    const { of, name, ok, skipped = false, answers, problems = [] } = result;
    if (skipped) this.skipped += 1;
    else if (ok) this.passed += 1;
    else this.failed += 1;
    if (this.#json) {
      const expected = answers?.expected.map(String);
      await this.#write(toJsonLine({ type: 'test', of, name, ok, skipped, expected, heard: answers?.heard, problems }));
      return;
    }
    const words = [ok ? 'ok' : 'not ok', shown(of), shown(name), skipped ? '# skipped' : ''];
    await this.#write(words.filter((word) => word !== '').join(' '));
    if (ok) return;
    if (answers) {
      await this.#write(`  expected: ${answers.expected.map(quoted).join(', ') || 'nothing'}`);
      await this.#write(`  heard:    ${answers.heard.map(quoted).join(', ') || 'nothing'}`);
    }
    for (const line of problems.flatMap((problem) => problem.split('\n'))) await this.#write(`  ${escapeUnsafe(line)}`);
  }

  async end(): Promise<void> {
    const { passed, failed, skipped } = this;
    if (this.#json) await this.#write(toJsonLine({ type: 'summary', passed, failed, skipped }));
    else await this.#write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }

  #write(line: string): Promise<void> {
    return writeLine(line, this.#signal);
  }
}

function quoted(text: string | RegExp): string {
  return typeof text === 'string' ? escapeUnsafe(JSON.stringify(text)) : escapeUnsafe(String(text));
}

function shown(text: string): string {
  return text.split('\n').map(escapeUnsafe).join(' ');
}
