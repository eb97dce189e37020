import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderMetrics } from '../../src/ops/metrics.ts';
import { statusDocument } from '../../src/ops/status-document.ts';
import type { AccountStatus } from '../../src/bot/status.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { testCertificate } from '../support/certificates.ts';
import { CLUSTER_VIEW } from '../support/cluster-view.ts';
import { ACCOUNT, JOB, PLUGIN } from '../support/bot-status.ts';

/** An account of which everything can be told. */
const TOLD: AccountStatus = {
  ...ACCOUNT,
  plugins: [
    {
      ...PLUGIN,
      timers: { count: 1, next: [{ name: 'remind', at: new Date() }] },
      jobs: [
        {
          ...JOB,
          next: new Date(),
          lastRun: { due: new Date(), startedAt: new Date(), endedAt: new Date(), ok: true },
        },
      ],
    },
  ],
};

test('docs/operating.md has a row for each metric', async () => {
  const status = { startedAt: new Date(), accounts: [TOLD] };
  const delay = { mean: 0, p50: 0, p99: 0, max: 0 };
  const numbers = { clients: 0, connections: 0, memoryBytes: 0, cpuSeconds: 0 };
  const workers = { all: [{ worker: 1, pid: 1, state: 'up', ...numbers }], restarts: 0 } as const;
  const server = Object.assign(new ChatosServer({ tls: await testCertificate() }), { workers, cluster: CLUSTER_VIEW });
  const document = statusDocument(
    { runtime: status, server, audit: { written: true, lostLines: 0 }, delay },
    new Date(),
  );
  const text = renderMetrics(document, { buckets: [[1, 0]], sum: 0, count: 0 });
  const told = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name);
  const [, table = ''] = readFileSync('docs/operating.md', 'utf8').split('<!-- metrics -->');
  const [rows = ''] = table.split('\n```');
  expect([...rows.matchAll(/^\| `(\w+)` *\|/gm)].map(([, name]) => name)).toEqual(told);
});
