import { createServer, type RequestListener } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Address } from '../../src/net/address.ts';
import { createBots, joinAs, plugin, startBots, startServer } from '../support/bot-world.ts';
import { startEndpoint } from '../support/status-endpoint.ts';
import { failure, labFile, start } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

let server: Address;

beforeEach(async () => {
  server = await startServer();
});

const quiet = plugin('quiet', { onMessage: () => undefined });
const failing = plugin('failing', {
  onMessage: () => {
    throw new Error('out\u001b[2J of order');
  },
});

/** Something else that listens on 127.0.0.1; returns its port. */
async function listening(answer: RequestListener | net.Server): Promise<number> {
  const other = answer instanceof net.Server ? answer : createServer(answer);
  const sockets = new Set<net.Socket>();
  other.on('connection', (socket: net.Socket) => sockets.add(socket));
  onTestFinished(() => {
    other.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  return (other.address() as AddressInfo).port;
}

describe('status', () => {
  test('shows accounts and bots, and ends with 0 where all is well', async () => {
    const { runtime } = await startBots(server, [{ plugin: quiet, login: 'herald' }]);
    const { port } = await startEndpoint(runtime);
    const { status, stdout, stderr } = await runShared(['status', '--status', `127.0.0.1:${port}`]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^chatosbot \\d.*, process ${process.pid}, up \\d+ s, `));
    expect(stdout).toMatch(new RegExp(`^herald +tcp://127\\.0\\.0\\.1:${server.port} +connected for \\d+ s`, 'm'));
    expect(stdout).toMatch(/^quiet +herald +running/m);
  });

  test('ends with 75 where a bot is suspended, and shows its last error harmlessly', async () => {
    const { runtime, log } = await startBots(server, [{ plugin: failing }]);
    const { port } = await startEndpoint(runtime);
    const alice = await joinAs(server, 'alice');
    for (let times = 0; times < 5; times += 1) alice.say('hello');
    await log.until(/suspended/);
    const { status, stdout } = await runShared(['status', '--status', `${port}`]);
    expect(status).toBe(75);
    expect(stdout).toMatch(/^failing +failing +suspended for another \d+ s +\d+ +5 +0$/m);
    expect(stdout).toMatch(/^ {2}failing failed \d+ s ago in onMessage, for alice: out\\e\[2J of order$/m);
  });

  test('shows a server that has no bots, where it was told to serve its status', async () => {
    const config = labFile('serve-status.yaml', 'serve: { listen: ["127.0.0.1:0"], status: 0 }\n');
    const command = start(['serve', '--config', config]);
    const [, port] = await command.line(/^status on http:\/\/127\.0\.0\.1:(\d+)$/);
    const { status, stdout, stderr } = await runShared(['status', port!]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^chatosbot \d.*\n\nserver on tcp:\/\/127\.0\.0\.1:\d+\n {2}now: 0 clients, 0 conn/);
    command.kill('SIGTERM');
    expect((await command.exit()).stderr).toMatch(/stopping on SIGTERM\nstopped\n$/);
  });

  test('ends with 75 where an account stands by', async () => {
    await joinAs(server, 'quiet');
    const { runtime, log } = createBots(server, [{ plugin: quiet }], { standby: true });
    const started = runtime.start();
    started.catch(() => undefined);
    const { port } = await startEndpoint(runtime);
    await log.until(/standing by/);
    const { status, stdout } = await runShared(['status', '--status', `${port}`]);
    expect(status).toBe(75);
    expect(stdout).toMatch(/^quiet +\S+ +standby for \d+ s/m);
  });

  test('prints the document as one line with --json, with the same statuses', async () => {
    const { runtime } = await startBots(server, [{ plugin: quiet }]);
    const endpoint = await startEndpoint(runtime);
    const { status, stdout } = await runShared(['status', '--status', endpoint.url, '--json']);
    expect(status).toBe(0);
    expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
    const { at, memoryBytes, eventLoopDelay: _, ...rest } = JSON.parse(stdout) as Record<string, unknown>;
    expect({ at, memoryBytes }).toEqual({ at: expect.any(String), memoryBytes: expect.any(Number) });
    expect(await (await endpoint.get('/status')).json()).toMatchObject(rest);
  });

  test('takes the address from the environment, and from the configuration', async () => {
    const { runtime } = await startBots(server, [{ plugin: quiet }]);
    const { port } = await startEndpoint(runtime);
    const config = labFile('status/chatosbot.config.yaml', `status: ${port}\n`);
    expect((await runShared(['status'], { env: { CHATOSBOT_STATUS: `127.0.0.1:${port}` } })).status).toBe(0);
    expect((await runShared(['status', '--config', config])).status).toBe(0);
    const flagFirst = { env: { CHATOSBOT_STATUS: '127.0.0.1:1' } };
    expect((await runShared(['status', '--config', config, '--status', `${port}`], flagFirst)).status).toBe(0);
  });

  test('ends with 69 where there is no endpoint, and tells how to switch one on', async () => {
    expect(await failure(runShared(['status', '--status', '127.0.0.1:1']))).toEqual({
      status: 69,
      last: expect.stringMatching(/no status at http:\/\/127\.0\.0\.1:1 \(connection refused\): .*--status/),
    });
  });

  test.each<[string, RequestListener]>([
    ['has no such page', (_, response) => response.writeHead(404).end('{}')],
    ['answers with something else', (_, response) => response.end('<html>')],
    ['answers with other JSON', (_, response) => response.end('{"accounts":[{"login":"\\u001b[2J"}]}')],
    ['breaks off', (request) => request.socket.destroy()],
  ])('ends with 69 where what listens there %s', async (_, answer) => {
    const port = await listening(answer);
    expect(await failure(runShared(['status', '--status', `${port}`]))).toMatchObject({
      status: 69,
      last: expect.stringContaining(`http://127.0.0.1:${port} is not a status endpoint of chatosbot`),
    });
  });

  test('does not take an endpoint that has too many connections for something else', async () => {
    const port = await listening(net.createServer((socket) => socket.resetAndDestroy()));
    const { last } = await failure(runShared(['status', `${port}`]));
    expect(last).toMatch(/is not a status endpoint of chatosbot, or has too many connections; give its address/);
  });

  test('ends with 69 where what listens there speaks another protocol', async () => {
    const { status, last } = await failure(
      start(['status', '--status', `${await listening(net.createServer((s) => s.end('SSH-2.0\r\n')))}`]),
    );
    expect({ status, last }).toEqual({
      status: 69,
      last: expect.stringContaining('is not a status endpoint of chatosbot'),
    });
  });

  test('ends with 124 where nothing comes within 5 seconds', async () => {
    const port = await listening(net.createServer());
    expect(await failure(runShared(['status', '--status', `${port}`]))).toEqual({
      status: 124,
      last: expect.stringContaining(`http://127.0.0.1:${port} did not answer within 5 s`),
    });
  });

  test('ends with 2 where the address is none', async () => {
    const { status, stderr } = await runShared(['status', '--status', 'tcp://127.0.0.1:7777']);
    expect(status).toBe(2);
    expect(stderr).toContain('the status endpoint speaks http, not tcp');
  });
});
