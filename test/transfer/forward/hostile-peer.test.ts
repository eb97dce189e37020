import { once } from 'node:events';
import http2 from 'node:http2';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { ServedTunnel } from '../../../src/transfer/forward/served-tunnel.ts';
import { makeSecureHello } from '../../../src/transfer/secure/hello.ts';
import { memoryPair, type MemoryChannel } from '../verified/memory-channels.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  field,
  flood,
  frame,
  HEADERS,
  PING,
  PREFACE,
  RST_STREAM,
  SETTINGS,
  times,
} from './raw-http2.ts';

const MAX = 16;

let accepted: Socket[];
let failed: string[];
let port: number;

beforeEach(async () => {
  accepted = [];
  failed = [];
  const server = createServer((socket) => {
    accepted.push(socket.on('error', () => undefined));
    socket.pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address() as AddressInfo);
  onTestFinished(() => void server.close());
});
afterEach(() => {
  for (const socket of accepted) socket.destroy();
});

/** The listening side, and the channel of a peer that says what it likes. */
function serve(permits = [`127.0.0.1:${port}`]): { tunnel: ServedTunnel; peer: MemoryChannel } {
  const { requester, target } = memoryPair();
  const tunnel = new ServedTunnel(target, {
    permits: new Permits(permits),
    listenPermits: new Permits([]),
    maxConnections: MAX,
    dialTimeoutMs: 5_000,
    events: {
      onOpened: () => undefined,
      onClosed: () => undefined,
      onRefused: () => undefined,
      onFailed: (_connection, error) => void failed.push(error.code),
    },
  });
  onTestFinished(() => tunnel.destroy());
  return { tunnel, peer: requester };
}

function request(stream: number, path: string, target?: string): Buffer {
  const fields = [Buffer.from([0x83, 0x86]), field(':path', path), field(':authority', 'x')];
  if (target !== undefined) fields.push(field('target', encodeURIComponent(target)));
  return frame(HEADERS, END_HEADERS, stream, Buffer.concat(fields));
}

/** Preface, settings and the control stream: as a peer of ours begins. */
function begin(): Buffer {
  return Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0), request(1, '/chatosbot-forward/1')]);
}

test('garbage in place of HTTP/2 ends the tunnel, and no more', async () => {
  for (const garbage of [
    'GET / HTTP/1.1\r\n\r\n',
    '\0'.repeat(1_000),
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + 'x'.repeat(1_000),
  ]) {
    const { tunnel, peer } = serve();
    peer.resume();
    peer.write(garbage);
    expect((await tunnel.closed).code).toBe('CHANNEL_ABORTED');
  }
});

test('a peer that encrypts ends the tunnel, and that is said', async () => {
  const { tunnel, peer } = serve();
  peer.resume().write(makeSecureHello('requester', 'key'));
  expect(await tunnel.closed).toMatchObject({
    code: 'WRONG_SECRET',
    message: expect.stringContaining('ann encrypts'),
  });
});

test('ten thousand streams end the tunnel, and no more connections than the limit are made', async () => {
  const { tunnel, peer } = serve();
  peer.resume();
  peer.write(begin());
  await flood(
    tunnel,
    peer,
    times(10_000, (number) => request(3 + 2 * number, '/connect', `127.0.0.1:${port}`)),
  );
  await tunnel.closed;
  expect(accepted.length).toBeLessThanOrEqual(MAX);
  // Those that were made are reset.
  for (const socket of accepted) if (!socket.closed) await once(socket, 'close');
});

test.each([
  ['settings', () => frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))],
  ['pings', () => frame(PING, 0, 0, Buffer.alloc(8))],
])('of a flood of %s from a peer that reads no answers, little is read', async (_what, make) => {
  const { tunnel, peer } = serve();
  peer.write(begin());
  await flood(
    tunnel,
    peer,
    times(400, () => Buffer.concat(Array.from({ length: 100 }, make))),
  );
  expect(peer.bytesSent).toBeLessThan(200_000);
});

test('of streams that are opened and reset at once, without end, few are looked at', async () => {
  const { tunnel, peer } = serve();
  peer.resume();
  peer.write(begin());
  const reset = Buffer.from([0, 0, 0, 8]);
  await flood(
    tunnel,
    peer,
    times(3_000, (number) => {
      const stream = 3 + 2 * number;
      return Buffer.concat([request(stream, '/connect', '127.0.0.1:1'), frame(RST_STREAM, 0, stream, reset)]);
    }),
  );
  expect(failed.length).toBeLessThan(1_500);
});

test('headers without end end the tunnel', async () => {
  const { tunnel, peer } = serve();
  peer.resume();
  peer.write(begin());
  peer.write(frame(HEADERS, 0, 3, Buffer.from([0x83, 0x86])));
  await flood(
    tunnel,
    peer,
    times(5_000, (number) => frame(CONTINUATION, 0, 3, field(`x-${number % 10}`, 'y'.repeat(100)))),
  );
  expect((await tunnel.closed).code).toBe('CHANNEL_ABORTED');
});

test.each([
  ['is none', 'hello\n'],
  ['is of the other side', '{"type":"incoming","listener":1,"connection":1,"from":"x"}\n'],
  ['has a wrong field', '{"type":"reset","stream":"1"}\n'],
  ['asks for what is no target', '{"type":"may-connect","question":1,"target":"127.1:80"}\n'],
  ['is a name of Object', '{"type":"constructor"}\n'],
  ['is too long', `{"type":"reset","stream":1${' '.repeat(10_000)}}\n`],
])('a control line that %s ends the tunnel', async (_what, line) => {
  const { tunnel, peer } = serve();
  peer.resume();
  peer.write(Buffer.concat([begin(), frame(DATA, 0, 1, Buffer.from(line))]));
  expect((await tunnel.closed).code).toBe('CHANNEL_ABORTED');
});

test('control lines whose answers are not read are not read either', async () => {
  const { tunnel, peer } = serve();
  peer.write(begin());
  const line = Buffer.from('{"type":"listen","listener":1,"at":"127.0.0.1:1"}\n'.repeat(100));
  await flood(
    tunnel,
    peer,
    times(2_000, () => frame(DATA, 0, 1, line)),
  );
  expect(failed.length).toBeLessThan(20_000);
});

test('what is not permitted is not connected to, however it is written', async () => {
  const { peer } = serve();
  const session = http2.connect('http://x', { createConnection: () => peer });
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  const open = async (path: string, target: string) => {
    const stream = session.request({ ':method': 'POST', ':path': path, target }, { endStream: false });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status'?: number }];
    if (path === '/connect') stream.end();
    return headers;
  };
  await open('/chatosbot-forward/1', '');
  const hosts = ['localhost', '127.1', '0x7f.0.0.1', '[::1]', '127.0.0.1.', '127.0.0.1%00.example', '2130706433'];
  for (const host of hosts) {
    const { ':status': status } = await open('/connect', encodeURIComponent(`${host}:${port}`));
    expect([host, status]).toEqual([host, 502]);
  }
  for (const target of ['', '%', '%ff', '/etc/passwd', '/proc/../run/x', `127.0.0.1:${port}%0d%0a`]) {
    expect(await open('/connect', target)).toMatchObject({ ':status': 502 });
  }
  expect(await open('/incoming/1', '')).toMatchObject({ ':status': 502 });
  expect(await open('/elsewhere', '')).toMatchObject({ ':status': 502 });
  expect(accepted).toEqual([]);
  expect(await open('/connect', encodeURIComponent(`[::ffff:127.0.0.1]:${port}`))).toMatchObject({ ':status': 200 });
});

test('a name that only a wildcard permits must not mean this machine', async () => {
  const { peer } = serve([`local*:${port}`]);
  const session = http2.connect('http://x', { createConnection: () => peer });
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  session.request({ ':method': 'POST', ':path': '/chatosbot-forward/1' }, { endStream: false });
  const stream = session.request(
    { ':method': 'POST', ':path': '/connect', target: encodeURIComponent(`localhost:${port}`) },
    { endStream: false },
  );
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  expect(headers).toMatchObject({ ':status': 502, cause: 'not-permitted' });
  expect(accepted).toEqual([]);
});

test('a peer that never reads holds up its own connections, and those of nobody else', async () => {
  const frozen = serve();
  frozen.peer.write(begin());
  for (let number = 0; number < MAX; number++) {
    frozen.peer.write(request(3 + 2 * number, '/connect', `127.0.0.1:${port}`));
  }
  await expect.poll(() => accepted.length).toBe(MAX);
  const block = Buffer.alloc(16_000);
  await flood(
    frozen.tunnel,
    frozen.peer,
    times(500, (number) => frame(DATA, 0, 3 + 2 * (number % MAX), block)),
  );
  const { peer } = serve();
  const session = http2.connect('http://x', { createConnection: () => peer });
  onTestFinished(() => session.destroy());
  session.request({ ':method': 'POST', ':path': '/chatosbot-forward/1' }, { endStream: false });
  const stream = session.request(
    { ':method': 'POST', ':path': '/connect', target: encodeURIComponent(`127.0.0.1:${port}`) },
    { endStream: false },
  );
  stream.write('hello');
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  expect(String(chunk)).toBe('hello');
});
