import { spawnSync } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AccountStatus } from '../../src/bot/status.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { joinAs, openChannel, plugin, startBots } from '../support/bot-world.ts';
import { ACCOUNT, JOB, PLUGIN } from '../support/bot-status.ts';
import { testCertificate } from '../support/certificates.ts';
import { parseMetrics, startEndpoint, type Endpoint, type Metric } from '../support/status-endpoint.ts';

async function scrape({ get }: Endpoint): Promise<Map<string, Metric>> {
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(await response.text());
}

/** The value of the only series with these labels. */
function valueOf(metrics: Map<string, Metric>, name: string, labels: Record<string, string> = {}): number | undefined {
  const found = (metrics.get(name)?.samples ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0]?.value;
}

/** What is told of accounts that nobody has. */
async function scrapeOf(...accounts: Partial<AccountStatus>[]): Promise<Map<string, Metric>> {
  const status = { startedAt: new Date(), accounts: accounts.map((account) => ({ ...ACCOUNT, ...account })) };
  return scrape(await startEndpoint({ status }));
}

describe('/metrics', () => {
  it('counts what bots and their server do', async () => {
    const clock = new FakeClock('2025-06-01T10:00:00Z');
    const server = new ChatosServer();
    onTestFinished(() => server.close());
    const address = await server.listen('127.0.0.1:0');
    const { runtime, log } = await startBots(
      address,
      [
        {
          plugin: plugin('good', {
            schedule: { nightly: { cron: '0 3 * * *', timeZone: 'UTC', run: () => undefined } },
            onMessage: (message) => (message.private ? message.reply('fine') : undefined),
            onPrivateRequest: () => true,
            onChannel: (channel) => void channel.write('welcome'),
          }),
        },
        {
          plugin: plugin('bad', {
            onMessage: () => {
              throw new Error('always');
            },
          }),
        },
      ],
      { clock, heartbeatMs: Infinity },
    );
    const endpoint = await startEndpoint(runtime, { server, clock });
    const alice = await joinAs(address, 'alice');
    for (let times = 0; times < 6; times += 1) alice.say('hello');
    await log.until(/suspended/);
    alice.tell('good', 'how are you?');
    await alice.next(4);
    const { half } = await openChannel(alice, address, 'good');
    await new Promise((resolve) => half.once('data', resolve));
    clock.advance(17 * 3_600_000 + 500);
    await expect
      .poll(async () => valueOf(await scrape(endpoint), 'chatosbot_job_last_run_ok', { job: 'nightly' }))
      .toBe(1);

    const metrics = await scrape(endpoint);
    const good = { account: 'good', server: `tcp://127.0.0.1:${address.port}` };
    const bad = { ...good, account: 'bad' };
    expect(
      Object.fromEntries(
        [
          'account_connected',
          'messages_heard_total',
          'messages_sent_total',
          'messages_dropped_total',
          'messages_waiting',
          'muted_peers',
          'channels',
          'channels_opened_total',
          'channel_received_bytes_total',
          'channel_sent_bytes_total',
        ].map((name) => [name, valueOf(metrics, `chatosbot_${name}`, good)]),
      ),
    ).toEqual({
      account_connected: 1,
      messages_heard_total: 7,
      messages_sent_total: 1,
      messages_dropped_total: 0,
      messages_waiting: 0,
      muted_peers: 0,
      channels: 1,
      channels_opened_total: 1,
      channel_received_bytes_total: 0,
      channel_sent_bytes_total: 7,
    });
    expect(valueOf(metrics, 'chatosbot_account_state', { ...good, state: 'connected' })).toBe(1);
    expect(valueOf(metrics, 'chatosbot_account_state', { ...good, state: 'standby' })).toBe(0);
    expect(valueOf(metrics, 'chatosbot_plugin_state', { ...bad, plugin: 'bad', state: 'suspended' })).toBe(1);
    expect(valueOf(metrics, 'chatosbot_plugin_state', { ...good, plugin: 'good', state: 'running' })).toBe(1);
    expect(valueOf(metrics, 'chatosbot_plugin_calls_total', bad)).toBeGreaterThanOrEqual(5);
    expect(valueOf(metrics, 'chatosbot_plugin_failures_total', bad)).toBe(5);
    expect(valueOf(metrics, 'chatosbot_plugin_skipped_total', bad)).toBe(1);
    const job = { ...good, plugin: 'good', job: 'nightly' };
    expect(valueOf(metrics, 'chatosbot_job_last_run_timestamp_seconds', job)).toBe(
      Date.parse('2025-06-02T03:00:00Z') / 1000,
    );
    expect(valueOf(metrics, 'chatosbot_job_next_run_timestamp_seconds', job)).toBe(
      Date.parse('2025-06-03T03:00:00Z') / 1000,
    );
    expect(valueOf(metrics, 'chatosbot_server_clients')).toBe(3);
    expect(valueOf(metrics, 'chatosbot_server_channels')).toBe(1);
    expect(metrics.get('chatosbot_server_messages_total')).toMatchObject({ type: 'counter', samples: [{ value: 8 }] });
    const all = [...metrics.values()].flatMap(({ samples }) => samples.flatMap(({ labels }) => Object.values(labels)));
    expect(all).not.toContain('alice');
  });

  it.skipIf(spawnSync('promtool', ['--version']).error)('is as Prometheus wants it, by its own tool', async () => {
    const server = new ChatosServer({ tls: await testCertificate() });
    const accounts = [{ ...ACCOUNT, plugins: [{ ...PLUGIN, jobs: [{ ...JOB, next: new Date() }] }] }];
    const { get } = await startEndpoint({ status: { startedAt: new Date(), accounts } }, { server });
    const input = await (await get('/metrics')).text();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('has a histogram of how late the event loop was', async () => {
    const endpoint = await startEndpoint({ status: { startedAt: new Date(), accounts: [] } });
    const found = async () => (await scrape(endpoint)).get('nodejs_eventloop_delay_seconds')!;
    const count = async (le?: string): Promise<number> => {
      const { samples } = await found();
      return (le === undefined ? samples.at(-1) : samples.find(({ labels }) => labels['le'] === le))!.value;
    };
    await expect.poll(() => count()).toBeGreaterThan(0);
    for (const begun = Date.now(); Date.now() - begun < 300;);
    await expect.poll(async () => (await count('+Inf')) - (await count('0.1'))).toBeGreaterThan(0);
    expect((await found()).type).toBe('histogram');
    const bounds = (await found()).samples.map(({ value }) => value).slice(0, 11);
    expect(bounds).toEqual(bounds.toSorted((one, other) => one - other));
  });

  it('has the file descriptors, and when the certificate expires', async () => {
    const server = new ChatosServer({ tls: await testCertificate() });
    const metrics = await scrape(await startEndpoint(undefined, { server }));
    expect(valueOf(metrics, 'process_open_fds')).toBeLessThan(valueOf(metrics, 'process_max_fds') ?? 0);
    const expiry = valueOf(metrics, 'chatosbot_server_certificate_expiry_timestamp_seconds')!;
    expect(expiry - Date.now() / 1000).toBeGreaterThan(3_600);
    expect(valueOf(metrics, 'chatosbot_ready')).toBe(1);
  });

  it('tells how the process is, and what it is', async () => {
    const metrics = await scrapeOf();
    expect(metrics.get('chatosbot_build_info')?.samples).toEqual([
      { labels: { version: '0.1.0', node: process.version }, value: 1 },
    ]);
    const started = valueOf(metrics, 'process_start_time_seconds')!;
    expect(Math.abs(started - (Date.now() / 1000 - process.uptime()))).toBeLessThan(5);
    // Who looks for restarts takes each change of it for one.
    expect(Number.isInteger(started)).toBe(true);
    expect(valueOf(await scrapeOf(), 'process_start_time_seconds')).toBe(started);
    for (const name of ['process_uptime_seconds', 'process_cpu_seconds_total', 'nodejs_heap_size_used_bytes']) {
      expect(valueOf(metrics, name)).toBeGreaterThan(0);
    }
    expect(valueOf(metrics, 'process_resident_memory_bytes')).toBeGreaterThan(10 * 1024 * 1024);
  });

  it('tells how long the event loop was blocked', async () => {
    const endpoint = await startEndpoint({ status: { startedAt: new Date(), accounts: [] } });
    const longest = async (): Promise<number> => valueOf(await scrape(endpoint), 'nodejs_eventloop_lag_max_seconds')!;
    // It looks at the event loop every 20 ms, for the first time then.
    await expect.poll(longest).toBeGreaterThan(0);
    for (const begun = Date.now(); Date.now() - begun < 300;);
    await expect.poll(longest).toBeGreaterThan(0.2);
  });

  it('has no server metrics where the server is another process', async () => {
    expect([...(await scrapeOf({})).keys()].filter((name) => name.startsWith('chatosbot_server'))).toEqual([]);
  });

  it('escapes labels, and shows what a terminal could obey', async () => {
    const metrics = await scrapeOf({ login: 'a"b\\c\nd\u001b[31m' });
    expect(valueOf(metrics, 'chatosbot_account_connected', { account: 'a"b\\c\\nd\\e[31m' })).toBe(1);
  });

  it('tells two bots of the same name in one account apart', async () => {
    const plugins = [
      { ...PLUGIN, calls: 1 },
      { ...PLUGIN, calls: 2 },
    ];
    const metrics = await scrapeOf({ plugins });
    expect(valueOf(metrics, 'chatosbot_plugin_calls_total', { plugin: 'bot' })).toBe(1);
    expect(valueOf(metrics, 'chatosbot_plugin_calls_total', { plugin: 'bot#2' })).toBe(2);
  });

  it('tells the same login on two servers apart', async () => {
    const metrics = await scrapeOf({ server: 'tcp://127.0.0.1:1' }, { server: 'tcp://127.0.0.1:2', state: 'ended' });
    expect(valueOf(metrics, 'chatosbot_account_connected', { server: 'tcp://127.0.0.1:1' })).toBe(1);
    expect(valueOf(metrics, 'chatosbot_account_connected', { server: 'tcp://127.0.0.1:2' })).toBe(0);
  });

  it('has series for 100 jobs of a bot at most, and counts them all', async () => {
    const jobs = Array.from({ length: 500 }, (_, index) => ({ ...JOB, name: `reminder ${index}` }));
    const metrics = await scrapeOf({ plugins: [{ ...PLUGIN, jobs }] });
    expect(metrics.get('chatosbot_job_running')?.samples).toHaveLength(100);
    expect(valueOf(metrics, 'chatosbot_plugin_jobs')).toBe(500);
  });

  it('leaves out what a job does not have', async () => {
    const due = new Date('2025-06-01T10:00:00Z');
    const jobs = [{ ...JOB, lastRun: { due, startedAt: new Date('2025-06-01T10:00:01.500Z') }, running: 1 }];
    const metrics = await scrapeOf({ plugins: [{ ...PLUGIN, jobs }] });
    expect(valueOf(metrics, 'chatosbot_job_last_run_timestamp_seconds')).toBe(
      Date.parse('2025-06-01T10:00:01Z') / 1000 + 0.5,
    );
    expect(metrics.has('chatosbot_job_last_run_ok')).toBe(false);
    expect(metrics.has('chatosbot_job_next_run_timestamp_seconds')).toBe(false);
    expect(valueOf(metrics, 'chatosbot_job_running')).toBe(1);
  });
});
