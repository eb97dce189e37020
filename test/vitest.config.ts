import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));

// What a process has compiled, others of the same run find: plugins, and from Node.js 22 on the program. The user's own is not touched.
const cache = mkdtempSync(path.join(tmpdir(), 'chatosbot-test-cache-'));
process.env['XDG_CACHE_HOME'] = cache;
process.once('exit', () => rmSync(cache, { recursive: true, force: true }));
// Node.js reads these as each process starts, which takes three times as long then. No test needs them.
delete process.env['NODE_EXTRA_CA_CERTS'];

/**
 * Files run one after the other in the same process: that saves its start, and loading everything again. But not those that
 * look at the whole process (its garbage, too), change what it has loaded, or take much of a processor.
 */
const ALONE = [
  'test/bot/isolation/supervisor.test.ts',
  'test/bot/store/repair-faults.test.ts',
  'test/cli/running/{file-watch,local-nodes,reload-leaks}.test.ts',
  'test/cli/{top/watch,unexpected}.test.ts',
  'test/client/{channel-pressure,ending-process}.test.ts',
  'test/net/{packet-holding,packet-waiting,tls-answers}.test.ts',
  'test/ops/{event-loop-delay,hostile}.test.ts',
  'test/protocol/{decoder-memory,fuzz}.test.ts',
  'test/server/{churn,malformed,request-floods,slow-directory}.test.ts',
  'test/server/channels/{closing-relay,early-bytes,relay-pressure,remembering}.test.ts',
  'test/server/limits/{rates,readers,receivers}.test.ts',
];
/** Files that take longer than their size says, the longest first. */
const LONG = [
  'cluster/nodes/readers',
  'e2e/cluster',
  'faults/server',
  'cluster/nats/nats-membership',
  'e2e/cluster-chaos',
  'cluster/nats/nats-registry',
  'cluster/nodes/links',
  'e2e/say-slowed',
  'e2e/check-blocking',
  'e2e/repl',
  'e2e/new-project',
  'cluster/nats/left-records',
  'e2e/test-command',
  'e2e/server-lists',
  'e2e/pipe-exec',
  'docs/json',
  'client/server-list',
  'cluster/nats/registry-chaos',
  'e2e/dead-link',
  'docs/types',
  'e2e/send-code-again',
  'bots/files-time-outs',
  'e2e/build',
  'client/slowness',
  'docs/api',
  'e2e/local-nodes',
  'ops/status-page-browser',
  'e2e/run-silent-server',
  'transfer/secure/carriers',
  'docs/guide',
  'e2e/two-machines',
  'e2e/completion',
  'e2e/pipe-restart',
  'docs/deploy-bot',
  'cli/status/read',
].map((name) => `/test/${name}.test.ts`);

/** Where a file is among those, and behind them if it is none. */
function rank({ moduleId }: TestSpecification): number {
  const index = LONG.findIndex((file) => moduleId.endsWith(file));
  return index < 0 ? LONG.length : index;
}

/**
 * Vitest begins with large files. One that takes long must not begin last, as the others have ended then. Between those that
 * wait for the most part are those that run alone: behind them, processes that are shared need not end for one.
 */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is a method of vitest
    const byVitest = await super.sort(files);
    const long = byVitest.filter((file) => rank(file) < LONG.length).toSorted((a, b) => rank(a) - rank(b));
    const others = byVitest.filter((file) => !long.includes(file));
    const alone = others.filter(({ project }) => project.name === 'alone');
    const shared = others.filter(({ project }) => project.name !== 'alone');
    return [...long.flatMap((each) => [each, ...alone.splice(0, 1)]), ...alone, ...shared];
  }
}

export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^chatosbot$/, replacement: `${root}src/index.ts` },
      { find: /^chatosbot\/runtime$/, replacement: `${root}src/bot/index.ts` },
      { find: /^chatosbot\/secure$/, replacement: `${root}src/transfer/secure/index.ts` },
      { find: /^chatosbot\/(\w+)$/, replacement: `${root}src/$1/index.ts` },
    ],
  },
  test: {
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      { extends: true, test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: ALONE, isolate: false } },
    ],
    // For a test that hangs. What is slow on a busy machine passes.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    setupFiles: [
      'test/support/set-up.ts',
      ...(process.env['CHATOSBOT_TEST_SERVER'] ? ['test/support/left-out.ts'] : []),
    ],
    // What tests import means what it means in Node.js.
    deps: { interopDefault: false },
    // Many tests wait for child processes and time-outs: eight at once keep two processors busy.
    maxWorkers: 8,
    sequence: { sequencer: LongFirst },
    // Both projects compile much of `src`: the second one finds what the first one has compiled.
    experimental: { fsModuleCache: true },
  },
});
