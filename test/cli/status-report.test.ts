import { safeParse, type InferInput } from 'valibot';
import { describe, expect, test } from 'vitest';
import { isWell, STATUS_SCHEMA, type Status } from '../../src/cli/status/document.ts';
import { statusReport } from '../../src/cli/status/report.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { Zone } from '../../src/util/zone.ts';
import { CLUSTER_VIEW } from '../support/cluster-view.ts';

type Told = InferInput<typeof STATUS_SCHEMA>;

const PLUGIN = { name: 'echo', state: 'running', calls: 12, failures: 0, skipped: 0, errors: [], jobs: [] };

const ACCOUNT = {
  login: 'echo',
  server: 'tcp://127.0.0.1:7777',
  state: 'connected',
  since: '2025-06-01T09:00:00.000Z',
  plugins: [PLUGIN],
  channels: [],
  messages: { heard: 1204, sent: 7, waiting: 0, dropped: 0 },
  muted: [],
};

const WELL: Told = {
  version: '0.1.0',
  node: 'v20.20.2',
  pid: 4242,
  startedAt: '2025-05-30T06:00:00.000Z',
  at: '2025-06-01T10:00:00.000Z',
  memoryBytes: 80 * 1024 * 1024,
  accounts: [ACCOUNT],
};

function read(told: unknown): Status {
  const { success, output } = safeParse(STATUS_SCHEMA, told);
  if (!success) throw new Error('not a status');
  return output;
}

/** The report of a status that differs from one where all is well. */
const report = (changes: Partial<Told> = {}): string =>
  statusReport(read({ ...WELL, ...changes }), new Zone('Europe/Paris')).join('\n');

const withPlugin = (changes: object): Partial<Told> => ({
  accounts: [{ ...ACCOUNT, plugins: [{ ...PLUGIN, ...changes }] }],
});

describe('the report of a status', () => {
  test('is short where all is well', () => {
    expect(report()).toBe(
      [
        'chatosbot 0.1.0 on Node.js v20.20.2, process 4242, up 2 d 4 h, 80.0 MiB',
        '',
        'ACCOUNT  SERVER                STATE              HEARD  SENT  WAITING  DROPPED',
        'echo     tcp://127.0.0.1:7777  connected for 1 h   1204     7        0        0',
        '',
        'BOT   ACCOUNT  STATE    CALLS  FAILED  SKIPPED',
        'echo  echo     running     12       0        0',
      ].join('\n'),
    );
  });

  test('tells why an account is not connected, and whom it does not hear', () => {
    const account = { ...ACCOUNT, state: 'connecting', problem: 'connection refused', muted: ['parrot', 'polly'] };
    const text = report({ accounts: [account] });
    expect(text).toContain('connecting for 1 h');
    expect(text).toContain('\n  echo: connection refused\n');
    expect(text).toContain('\n  echo ignores parrot, polly: they answer every answer, as bots do\n');
    expect(report({ accounts: [{ ...ACCOUNT, muted: ['polly'] }] })).toContain('\n  echo ignores polly: they answer');
  });

  test('names the server where two accounts have the same login', () => {
    const text = report({ accounts: [ACCOUNT, { ...ACCOUNT, server: 'tcp://127.0.0.1:9999' }] });
    expect(text).toMatch(/^echo +echo on tcp:\/\/127\.0\.0\.1:7777 +running/m);
    expect(text).toMatch(/^echo +echo on tcp:\/\/127\.0\.0\.1:9999 +running/m);
  });

  test('tells until when a bot is suspended, and its last failure', () => {
    const at = '2025-06-01T09:59:10.000Z';
    const errors = [
      { at, hook: 'onMessage', peer: 'alice', message: 'the first' },
      { at, hook: '!roll', peer: 'bob', message: 'the last' },
    ];
    const aside = { state: 'suspended', suspendedUntil: '2025-06-01T10:00:24.000Z', failures: 5, errors };
    const text = report(withPlugin(aside));
    expect(text).toMatch(/^echo +echo +suspended for another 24 s +12 +5 +0$/m);
    expect(text).toContain('\n  echo failed 50 s ago in !roll, for bob: the last');
    expect(text).not.toContain('the first');
    const over = report(withPlugin({ ...aside, suspendedUntil: '2025-06-01T09:59:59.000Z' }));
    expect(over).toMatch(/suspended until it is called/);
  });

  test('shows which bots are isolated', () => {
    const isolation = { running: true, usedMb: 12, memoryMb: 256, restarts: 0 };
    expect(report(withPlugin({ isolation }))).toMatch(/^echo +echo +running, isolated +12 +0 +0$/m);
    const aside = { isolation, state: 'suspended', suspendedUntil: '2025-06-01T10:00:24.000Z' };
    expect(report(withPlugin(aside))).toMatch(/^echo +echo +suspended for another 24 s, isolated +12/m);
  });

  test('shows of jobs when they run next, in their own zone or that of the reader, and how the last run went', () => {
    const startedAt = '2025-06-01T01:00:00.000Z';
    const job = { running: 0, next: '2025-06-02T01:00:00.000Z' };
    const abroad = {
      ...job,
      timeZone: 'America/New_York',
      lastRun: { startedAt: '2025-06-01T01:00:07.350Z', ok: true },
    };
    const jobs = [
      { ...job, name: 'good', lastRun: { startedAt, ok: true } },
      { ...job, name: 'bad', lastRun: { startedAt, ok: false } },
      { ...job, name: 'long', lastRun: { startedAt }, running: 1 },
      { ...abroad, name: 'abroad' },
      { ...job, name: 'nowhere', timeZone: 'Atlantis/Sunken' },
      { name: 'over', running: 0 },
    ];
    const text = report(withPlugin({ jobs }));
    expect(text).toContain('JOB      BOT   NEXT RUN  ');
    expect(text).toMatch(/^good +echo +2025-06-02 03:00 Europe\/Paris, in 15 h +2025-06-01 03:00 Europe\/Paris, ok$/m);
    expect(text).toMatch(/^bad .* 2025-06-01 03:00 Europe\/Paris, failed$/m);
    expect(text).toMatch(/^long .* 2025-06-01 03:00 Europe\/Paris, running$/m);
    expect(text).toMatch(
      /^abroad .* 2025-06-01 21:00 America\/New_York, in 15 h +2025-05-31 21:00:07 America\/New_York, ok$/m,
    );
    expect(text).toMatch(/^nowhere .* 2025-06-02 03:00 Europe\/Paris, in 15 h/m);
    expect(text).toMatch(/^over +echo +none +none yet$/m);
  });

  test('lists private connections with who asked, how old they are, and what they carried', () => {
    const channel = { peer: 'alice', bot: 'echo', openedAt: '2025-06-01T09:57:00.000Z' };
    const channels = [
      { ...channel, role: 'target', bytesReceived: 1_572_864, bytesSent: 12 },
      { ...channel, role: 'requester', bytesReceived: 0, bytesSent: 0 },
    ];
    const text = report({ accounts: [{ ...ACCOUNT, channels }] });
    expect(text).toMatch(/^alice +echo +the peer +3 min +1\.5 MiB +12 B$/m);
    expect(text).toMatch(/^alice +echo +the bot +3 min +0 B +0 B$/m);
  });

  test('tells of the server in the process, and of its troubles where there are any', () => {
    const server = {
      addresses: ['tcp://127.0.0.1:7777', 'tcp://127.0.0.1:7778?longBytes=8'],
      clients: 3,
      connections: 5,
      channels: 1,
      accepted: 40,
      messages: 100,
      established: 9,
      relayedBytes: 2048,
      malformed: 0,
      forbidden: 0,
      slow: 0,
      wrongIds: 2,
    };
    expect(report({ server })).toMatch(
      new RegExp(
        [
          '^server on tcp://127.0.0.1:7777, tcp://127.0.0.1:7778\\?longBytes=8',
          '  now: 3 clients, 5 connections, 1 private connection',
          '  so far: 40 connections, 100 messages, 9 private connections \\(2.0 KiB\\)',
          '  2 turned away for a wrong connect id$',
        ].join('\n'),
        'm',
      ),
    );
  });

  test('says why a server is not ready, and when its certificate expires soon', () => {
    const server = { ...new ChatosServer().stats, addresses: ['tls://127.0.0.1:7777'] };
    const shown = (certificateExpiresAt: string, problems: string[] = []): string[] =>
      report({ server: { ...server, certificateExpiresAt }, problems })
        .split('\n')
        .slice(-4);
    const problems = ['server: login: no answer within 2 s'];
    expect(shown('2026-06-01T10:00:00.000Z', problems)[1]).toBe('  not ready: login: no answer within 2 s');
    expect(shown('2025-06-04T10:00:00.000Z')[1]).toBe('  its certificate expires in 3 d');
    expect(shown('2025-06-01T09:00:00.000Z')[1]).toBe('  its certificate has expired');
    expect(shown('2026-06-01T10:00:00.000Z')[1]).toBe('server on tls://127.0.0.1:7777');
  });

  test('says how a node is in its cluster', () => {
    const server = { ...new ChatosServer().stats, addresses: ['tcp://127.0.0.1:7777'] };
    const { links, nodes, ...rest } = CLUSTER_VIEW;
    const shown = (changes: Partial<typeof CLUSTER_VIEW>): string => {
      const cluster = { ...CLUSTER_VIEW, ...changes };
      const told = { ...cluster, nodes: [...cluster.nodes], links: [...cluster.links] };
      return report({ server: { ...server, cluster: told } });
    };
    expect(shown({})).toMatch(/^ {2}node a of 3 nodes, c not reached for 3 s, 1 link cut, 1 gap$/m);
    const well = { ...rest, gaps: 0, nodes: nodes.slice(0, 1), links: links.slice(0, 1) };
    expect(shown(well)).toMatch(/^ {2}node a of 1 node$/m);
    const lost = { ...well, leaseLeftMs: 0, broker: { isReachable: false, why: 'it is lost' } };
    expect(shown(lost)).toMatch(/^ {2}node a of 1 node, no lease, NATS is not reachable$/m);
  });

  test('shows each limit of the server that has acted, and nothing of those that have not', () => {
    const server = { ...new ChatosServer().stats, addresses: ['tcp://127.0.0.1:7777'] };
    const shown = (stats: object): string[] =>
      report({ server: { ...server, ...stats } })
        .split('\n')
        .slice(-3);
    expect(shown({})[0]).toBe('server on tcp://127.0.0.1:7777');
    expect(shown({ shed: 7 })[2]).toBe('  7 closed because too much waited for all (maxTotalQueuedBytes)');
    expect(shown({ queuedBytes: 1_572_864 })[1]).toBe(
      '  now: 0 clients, 0 connections, 0 private connections, 1.5 MiB wait for clients that do not read',
    );
    expect(shown({ refusedBanned: 1 })[2]).toBe('  1 connection refused: its address is banned (ctl bans)');
    const inLinesOfTheirOwn = ['clients', 'connections', 'channels', 'queuedBytes', 'accepted', 'messages'];
    for (const name of Object.keys(new ChatosServer().stats)) {
      if ([...inLinesOfTheirOwn, 'established', 'relayedBytes'].includes(name)) continue;
      expect([name, shown({ [name]: 41_234 })[2]]).toEqual([name, expect.stringMatching(/^ {2}41234 \w[^{}|]+$/)]);
      expect([name, shown({ [name]: 1 })[2]]).toEqual([
        name,
        expect.stringMatching(/^ {2}1 (?!\w+s |.*\bthe(?:y|ir)\b)[^{}|]+$/),
      ]);
    }
  });

  test('shows what a terminal could obey instead of obeying it, and keeps rows on one line', () => {
    const evil = 'a\u001b[2J\nb\u202e';
    const text = report({
      accounts: [
        {
          ...ACCOUNT,
          login: evil,
          problem: evil,
          state: 'connecting',
          muted: [evil],
          channels: [{ peer: evil, bot: evil, role: 'target', openedAt: WELL.at, bytesReceived: 0, bytesSent: 0 }],
          plugins: [
            {
              ...PLUGIN,
              name: evil,
              errors: [{ at: WELL.at, hook: evil, peer: evil, message: evil }],
              jobs: [{ name: evil, running: 0 }],
            },
          ],
        },
      ],
    });
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text).toContain('a\\e[2J\\nb\\u{202e}');
    expect(text).not.toMatch(/^b/m);
  });

  test('cuts cells that are too long', () => {
    const text = report(withPlugin({ name: 'x'.repeat(500) }));
    expect(text).toContain(`${'x'.repeat(79)}…  echo`);
  });
});

describe('a status', () => {
  test('is well where all accounts are connected and all bots at work', () => {
    expect(isWell(read(WELL))).toBe(true);
    for (const state of ['connecting', 'standby', 'ended']) {
      expect({ state, well: isWell(read({ ...WELL, accounts: [ACCOUNT, { ...ACCOUNT, state }] })) }).toEqual({
        state,
        well: false,
      });
    }
    for (const state of ['suspended', 'probing', 'waiting', 'stopping', 'stopped']) {
      expect({ state, well: isWell(read({ ...WELL, ...withPlugin({ state }) })) }).toEqual({ state, well: false });
    }
  });

  test('may have more in it than is known', () => {
    expect(read({ ...WELL, clusters: [] }).pid).toBe(4242);
  });

  test.each([
    ['nothing', null],
    ['a list', []],
    ['another object', { status: 'ok' }],
    ['a wrong date', { ...WELL, at: 'yesterday' }],
    ['a wrong number', { ...WELL, accounts: [{ ...ACCOUNT, messages: { ...ACCOUNT.messages, sent: '7' } }] }],
  ])('is not %s', (_, told) => {
    expect(safeParse(STATUS_SCHEMA, told).success).toBe(false);
  });
});
