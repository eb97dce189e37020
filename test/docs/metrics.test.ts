import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderMetrics } from '../../src/bot/metrics.ts';
import { statusDocument } from '../../src/bot/status-document.ts';
import type { AccountStatus } from '../../src/bot/status.ts';
import { ChatosServer } from '../../src/server/server.ts';

/** An account of which everything can be told. */
const ACCOUNT: AccountStatus = {
  login: 'bot',
  server: 'tcp://127.0.0.1:7777',
  state: 'connected',
  since: new Date(),
  problem: undefined,
  plugins: [
    {
      name: 'bot',
      file: 'bot.ts',
      state: 'running',
      setAsideUntil: undefined,
      hooks: [],
      commands: [],
      calls: 0,
      running: 0,
      failures: 0,
      skipped: 0,
      errors: [],
      jobs: [
        {
          name: 'job',
          cron: '* * * * *',
          timeZone: undefined,
          next: new Date(),
          running: 0,
          lastRun: { due: new Date(), startedAt: new Date(), endedAt: new Date(), ok: true },
        },
      ],
    },
  ],
  channels: [],
  channelTotals: { opened: 0, bytesReceived: 0, bytesSent: 0 },
  messages: { heard: 0, sent: 0, waiting: 0, dropped: 0 },
  muted: [],
};

test('docs/operating.md has a row for each metric', () => {
  const status = { startedAt: new Date(), accounts: [ACCOUNT] };
  const document = statusDocument(status, new ChatosServer(), new Date());
  const text = renderMetrics(document, { mean: 0, p50: 0, p99: 0, max: 0 });
  const told = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name);
  const [, table = ''] = readFileSync('docs/operating.md', 'utf8').split('<!-- metrics -->');
  const [rows = ''] = table.split('\n```');
  expect([...rows.matchAll(/^\| `(\w+)` *\|/gm)].map(([, name]) => name)).toEqual(told);
});
