import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { shell } from './chatosbot.ts';
import { peer } from './peers.ts';

/** A connection from an address of its own: those of one address are bounded before descriptors run out. */
function open(port: number, nth: number): net.Socket {
  return net.connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${nth + 1}` }).on('error', () => undefined);
}

/** Whether the server keeps the connection, which says nothing. */
async function isIn(port: number, nth: number): Promise<boolean> {
  const socket = open(port, nth);
  onTestFinished(() => void socket.destroy());
  socket.resume();
  await once(socket, 'connect');
  return !(await Promise.race([
    once(socket, 'close'),
    new Promise<false>((resolve) => setTimeout(resolve, 500, false)),
  ]));
}

test('serve, out of descriptors, says so, keeps who is in, and lets others in later', async () => {
  const serve = shell('ulimit -n 64; chatosbot serve --listen 127.0.0.1:0');
  const [, text] = await serve.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  const port = Number(text);
  await serve.line(
    / warn {2}limits\.maxConnections is 10000, but .* may have 64 files open .*ulimit -n 10064.*LimitNOFILE=10064/,
  );
  const alice = await peer(port, 'alice');

  const kept = await Promise.all(Array.from({ length: 200 }, (_, nth) => isIn(port, nth)));
  const out = kept.filter((each) => !each).length;
  expect(out).toBeGreaterThan(140);
  await serve.line(
    / warn {2}connection not accepted .*why="out of file descriptors: 64 may be open \(RLIMIT_NOFILE\)"/,
  );
  const [, more] = await serve.line(/ warn {2}connection not accepted: and (\d+) more/);
  expect(1 + Number(more)).toBe(out);

  alice.tell('alice', 'still here');
  expect(await alice.next(4)).toMatchObject({ msg: 'still here' });
});

test('serve lets clients in again when others have left', async () => {
  const serve = shell('ulimit -n 64; chatosbot serve --listen 127.0.0.1:0');
  const [, text] = await serve.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  const port = Number(text);
  const crowd = Array.from({ length: 100 }, (_, nth) => open(port, nth));
  await Promise.all(crowd.map((each) => once(each, 'connect')));
  await serve.line(/connection not accepted/);
  for (const each of crowd) each.destroy();
  const bob = await vi.waitUntil(() => peer(port, 'bob').catch(() => undefined), 10_000);
  bob.tell('bob', 'in');
  expect(await bob.next(4)).toMatchObject({ msg: 'in' });
});

test('serve warns of nothing where there are descriptors enough', async () => {
  const serve = shell('ulimit -n 10064; chatosbot serve --listen 127.0.0.1:0');
  await serve.line(/listening on/);
  serve.kill('SIGTERM');
  expect((await serve.exit()).stderr).not.toContain('RLIMIT_NOFILE');
});
