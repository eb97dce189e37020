import { describe, expect, it, onTestFinished } from 'vitest';
import { startStatusServer } from '../../src/ops/status-endpoint.ts';
import { SILENT_LOGGER } from '../../src/util/log.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { FakeClock } from '../support/bot-clock.ts';
import {
  createBots,
  joinAs,
  openChannel,
  plugin,
  signalled,
  startBot,
  startBots,
  startServer,
} from '../support/bot-world.ts';
import { startEndpoint } from '../support/status-endpoint.ts';

/** A runtime without accounts. */
const NOTHING = { status: { startedAt: new Date(), accounts: [] } };

const onMessage = (): void => undefined;

describe('the status endpoint', () => {
  it('says ok at /healthz, whatever the accounts do', async () => {
    const { runtime } = createBots(await startServer(), [{ plugin: plugin('bot', { onMessage }) }]);
    const { get } = await startEndpoint(runtime);
    const response = await get('/healthz');
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 200, text: 'ok\n' });
  });

  it('is ready when every account is connected, and tells which is not and why', async () => {
    const other = new ChatosServer();
    onTestFinished(() => other.close());
    const lost = await other.listen('127.0.0.1:0');
    const here = await startBots(await startServer(), [{ plugin: plugin('here', { onMessage }) }]);
    const there = await startBots(lost, [{ plugin: plugin('there', { onMessage }) }]);
    const { get } = await startEndpoint({
      get status() {
        const accounts = [here, there].flatMap(({ runtime }) => runtime.status.accounts);
        return { startedAt: new Date(), accounts };
      },
    });
    expect((await get('/readyz')).status).toBe(200);
    await other.close();
    await there.log.until(/retrying/);
    const response = await get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.text()).toMatch(
      new RegExp(`^there on tcp://127\\.0\\.0\\.1:${lost.port}: connecting: .+\\n$`),
    );
  });

  it('is not ready while it stands by, and is when it has taken over', async () => {
    const server = await startServer();
    const first = await joinAs(server, 'bot');
    const loggedIn = signalled();
    const { runtime, log } = createBots(server, [{ plugin: plugin('bot', { onMessage }) }], {
      standby: true,
      onLogin: () => loggedIn.resolve(),
    });
    const started = runtime.start();
    const { get } = await startEndpoint(runtime);
    await log.until(/standing by/);
    const response = await get('/readyz');
    expect(response.status).toBe(503);
    expect(await response.text()).toBe(`bot on tcp://127.0.0.1:${server.port}: standby\n`);
    first.destroy();
    await loggedIn.promise;
    await started;
    expect((await get('/readyz')).status).toBe(200);
  });

  it('is ready when the server has tested itself, and not while it is stopping', async () => {
    const server = new ChatosServer();
    const address = await server.listen('127.0.0.1:0');
    const alice = await joinAs(address, 'alice');
    const { get } = await startEndpoint(undefined, { server });
    // On a busy machine, a test may take too long.
    await expect.poll(async () => (await get('/readyz')).text()).toBe('ok\n');
    expect((await get('/readyz')).status).toBe(200);
    const closed = server.close({ drainMs: 10_000 });
    const stopping = await get('/readyz');
    expect({ status: stopping.status, text: await stopping.text() }).toEqual({
      status: 503,
      text: 'server: it is stopping\n',
    });
    expect((await get('/healthz')).status).toBe(200);
    alice.destroy();
    await closed;
  });

  it('says which step of its own test a server has failed', async () => {
    const server = new ChatosServer();
    const { get } = await startEndpoint(undefined, { server });
    const response = await get('/readyz');
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: 503,
      text: 'server: the server listens nowhere\n',
    });
    expect(await (await get('/status')).json()).toMatchObject({
      ready: false,
      problems: ['server: the server listens nowhere'],
    });
  });

  it('tells everything at /status, with dates as ISO texts', async () => {
    const clock = new FakeClock('2025-06-01T10:00:00Z');
    const server = new ChatosServer();
    onTestFinished(() => server.close());
    const address = await server.listen('127.0.0.1:0');
    const { runtime, log } = await startBot(
      address,
      {
        schedule: { nightly: { cron: '0 3 * * *', timeZone: 'UTC', run: () => undefined } },
        onMessage: () => {
          throw new Error(`no\u001b[31m\n${'x'.repeat(5_000)}`);
        },
        onPrivateRequest: () => true,
        onChannel: (channel) => void channel.write('welcome'),
      },
      { clock, heartbeatMs: Infinity },
    );
    const { get } = await startEndpoint(runtime, { server, clock });
    const alice = await joinAs(address, 'alice');
    alice.say('hello');
    await log.until(/onMessage failed/);
    const { half } = await openChannel(alice, address);
    await new Promise((resolve) => half.once('data', resolve));
    const response = await get('/status');
    const text = await response.text();
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|\n./);
    expect(text).not.toContain('x'.repeat(2_000));
    expect(JSON.parse(text)).toMatchObject({
      version: '0.1.0',
      node: process.version,
      pid: process.pid,
      startedAt: '2025-06-01T10:00:00.000Z',
      at: '2025-06-01T10:00:00.000Z',
      ready: true,
      memoryBytes: expect.any(Number),
      accounts: [
        {
          login: 'bot',
          state: 'connected',
          since: '2025-06-01T10:00:00.000Z',
          messages: { heard: 1, sent: 0, waiting: 0, dropped: 0 },
          channels: [{ peer: 'alice', bot: 'bot', role: 'target', bytesReceived: 0, bytesSent: 7 }],
          channelTotals: { opened: 1, bytesReceived: 0, bytesSent: 7 },
          plugins: [
            {
              name: 'bot',
              state: 'running',
              failures: 1,
              errors: [{ hook: 'onMessage', peer: 'alice', message: expect.stringMatching(/^no/) }],
              jobs: [{ name: 'nightly', next: '2025-06-02T03:00:00.000Z' }],
            },
          ],
        },
      ],
      server: { addresses: [`tcp://127.0.0.1:${address.port}`], clients: 2, channels: 1, messages: 1 },
    });
  });

  it('goes on counting the bytes of private connections that are closed', async () => {
    const server = await startServer();
    const { runtime } = await startBot(server, {
      onPrivateRequest: () => true,
      onChannel: (channel) => void channel.resume().end('12345'),
    });
    const { get } = await startEndpoint(runtime);
    const alice = await joinAs(server, 'alice');
    for (let times = 0; times < 2; times += 1) {
      const { half } = await openChannel(alice, server);
      half.resume().end('abc');
      await new Promise((resolve) => half.once('close', resolve));
    }
    await expect
      .poll(async () => ((await (await get('/status')).json()) as typeof runtime.status).accounts[0])
      .toMatchObject({ channels: [], channelTotals: { opened: 2, bytesReceived: 6, bytesSent: 10 } });
  });

  it('answers HEAD as GET, without the body', async () => {
    const { get } = await startEndpoint(NOTHING);
    for (const path of ['/', '/healthz', '/readyz', '/metrics', '/status', '/history']) {
      const [head, full] = [await get(path, { method: 'HEAD' }), await get(path)];
      expect({ path, status: head.status, type: head.headers.get('content-type'), body: await head.text() }).toEqual({
        path,
        status: full.status,
        type: full.headers.get('content-type'),
        body: '',
      });
      expect((await full.text()).length).toBeGreaterThan(0);
    }
  });

  it('has no other pages, and passes over a query', async () => {
    const { get } = await startEndpoint(NOTHING);
    for (const path of [
      '/index.html',
      '/page.js',
      '/statuses',
      '/status/',
      '/__proto__',
      '/constructor',
      '//healthz',
      '/%68ealthz',
    ]) {
      expect({ path, status: (await get(path)).status }).toEqual({ path, status: 404 });
    }
    expect((await get('/healthz?full=1')).status).toBe(200);
  });

  it('answers 500 and logs the reason where it cannot tell', async () => {
    const { get, log } = await startEndpoint({
      get status(): never {
        throw new Error('a bug');
      },
    });
    expect((await get('/status')).status).toBe(500);
    expect(await log.until(/a bug/)).toMatchObject({ level: 'error', fields: { path: '/status' } });
    expect((await get('/healthz')).status).toBe(200);
  });

  it('fails with LISTEN_FAILED where the address is in use', async () => {
    const { port } = await startEndpoint(NOTHING);
    const options = { address: { host: '127.0.0.1', port }, runtime: NOTHING, log: SILENT_LOGGER };
    await expect(startStatusServer(options)).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`cannot listen on http://127.0.0.1:${port}: the port is in use`),
      fields: { errno: 'EADDRINUSE' },
    });
  });

  it('warns where others than this machine may reach it', async () => {
    const { log: quiet } = await startEndpoint(NOTHING);
    expect(quiet.lines).toEqual([]);
    // Loopback in a spelling that is not taken for it: a test opens nothing to others.
    const { log, url } = await startEndpoint(NOTHING, { address: { host: '127.1', port: 0 } });
    expect(log.lines).toMatchObject([
      { level: 'warn', message: expect.stringContaining('no password'), fields: { address: url } },
    ]);
  });
});
