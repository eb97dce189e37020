import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ChatosError } from '../../errors.ts';
import { ownModule } from '../../own-files.ts';
import type { TestFileEvent } from '../../testing/reporter.ts';
import type { TestReport } from './test-report.ts';

/** Built modules that Node loads by their path. */
const REGISTER = ownModule('testing/register');
const REPORTER = ownModule('testing/reporter');

/**
 * Runs test files with node:test, each in its own process; what they print goes to standard error.
 *
 * @throws {ChatosError} `ABORTED` by the signal
 */
export async function runTestFiles(files: readonly string[], report: TestReport, signal: AbortSignal): Promise<void> {
  const reporting = ['--test-reporter', REPORTER.href, '--test-reporter-destination', 'stdout'];
  // A test that fails does not stop its network: what it leaves open must not keep the process.
  const args = ['--import', REGISTER.href, '--test', '--test-force-exit', ...reporting, ...files];
  // Set if a test runs us: Node does not run tests within tests.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject).once('close', (status, by) => resolve(status ?? by));
  });
  const failedBefore = report.failed;
  try {
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity })) {
      await reportEvent(JSON.parse(line) as TestFileEvent, report);
    }
    const status = await ended;
    if (signal.aborted) throw new ChatosError('ABORTED', 'the tests were interrupted');
    if (status !== 0 && report.failed === failedBefore) {
      await report.add({ of: 'node --test', name: `exits with ${status}`, ok: false });
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function reportEvent(event: TestFileEvent, report: TestReport): Promise<void> {
  if (event.type === 'output') {
    process.stderr.write(event.text);
    return;
  }
  const { file, names, ok, skipped, problem } = event;
  const of = relative(file);
  const own = names.map((name) => (path.isAbsolute(name) ? relative(name) : name)).filter((name) => name !== of);
  const problems = ok || problem === undefined ? [] : [problem];
  await report.add({ of: of || own.shift() || '', name: own.join(' > '), ok, skipped, problems });
}

function relative(file: string): string {
  const absolute = file.startsWith('file:') ? fileURLToPath(file) : file;
  return absolute === '' ? '' : path.relative(process.cwd(), absolute);
}
