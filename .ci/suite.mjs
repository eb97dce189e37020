/**
 * Runs all tests with the Node that runs this script, and `node` of the PATH is that one too. The counts come last, and
 * go to the end of the file `--summary`. With `--retry`, files in which a test failed run once more, one after the other. With `--part`, only
 * what another version of Node.js is most likely to break: all that runs in one process, and commands of each kind.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { part: { type: 'boolean' }, retry: { type: 'boolean' }, summary: { type: 'string' } },
});
const directory = mkdtempSync(path.join(tmpdir(), 'chatosbot-suite-'));
const env = { ...process.env, PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}` };
/** Folders of tests that start processes for the most part, and those that run of them in a part. */
const PROCESSES = new Set(['bench', 'docs', 'e2e', 'faults', 'support']);
const COMMANDS = [
  'chat-script',
  'forward',
  'pipe-streams',
  'reload',
  'run',
  'run-isolate',
  'send',
  'serve',
  'test-command',
  'tls',
];
const folders = readdirSync('test', { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !PROCESSES.has(entry.name))
  .map(({ name }) => `test/${name}/`);
const part = [...folders, ...COMMANDS.map((name) => `test/e2e/${name}.test.ts`)];
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts', '--reporter=default'];

/** Runs test files, by default all; returns the exit status, and what came of each file by its path. */
function run(files = []) {
  const report = path.join(directory, 'report.json');
  rmSync(report, { force: true });
  const args = [...vitest, '--reporter=json', `--outputFile.json=${report}`, ...files];
  const { status } = spawnSync(process.execPath, args, { env, stdio: 'inherit' });
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  return { status: status ?? 1, results: new Map(testResults.map((result) => [result.name, result])) };
}

const { status: firstStatus, results } = run(values.part ? part : []);
let status = firstStatus;
const summary = [];
const failed = [...results.values()].filter((result) => result.status === 'failed');
if (values.retry && failed.length > 0) {
  const again = run([...failed.map(({ name }) => name), '--no-file-parallelism']);
  status = again.status;
  for (const { name, assertionResults } of failed) {
    const titles = assertionResults.filter((test) => test.status === 'failed').map(({ fullName }) => fullName);
    const outcome = again.results.get(name)?.status ?? 'missing';
    summary.push(`${path.relative('', name)} failed; run once more: ${outcome} (${titles.join('; ') || 'no test'})`);
  }
  for (const [name, result] of again.results) results.set(name, result);
}
rmSync(directory, { recursive: true });

const tests = [...results.values()].flatMap(({ assertionResults }) => assertionResults);
const count = (...wanted) => tests.filter((test) => wanted.includes(test.status)).length;
const [passed, broken, skipped] = [count('passed'), count('failed'), count('pending', 'skipped', 'todo')];
if (status !== 0 && broken === 0) summary.push('a file did not load, or something failed outside of the tests');
const what = values.part ? ' (a part of the tests)' : '';
summary.push(`${process.version}${what}: ${passed} passed, ${broken} failed, ${skipped} skipped`);
process.stdout.write(`${summary.join('\n')}\n`);
if (values.summary !== undefined) appendFileSync(values.summary, `${summary.join('\n')}\n`);
process.exitCode = passed === 0 ? 1 : status;
