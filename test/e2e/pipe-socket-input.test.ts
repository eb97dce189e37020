/** A standard input that is a socket, as inetd and `socat EXEC` give one. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { failure, start } from './chatosbot.ts';
import { acceptNext, fate, peer } from './peers.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;
let count = 0;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

/** A connection, of which the one end is the standard input of a pipe, and some bytes have gone through. */
async function underWay() {
  const name = `inetd-${++count}`;
  const bob = await peer(port, name);
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const input = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void input.destroy());
  const [accepted] = (await once(server, 'connection')) as [net.Socket & { readonly _handle: { readonly fd: number } }];
  const asker = start(['pipe', name, '--server', at], { input: accepted._handle.fd });
  // Its own descriptor leads to it still.
  accepted.destroy();
  const { half } = await acceptNext(bob, port);
  const first = once(half, 'data');
  input.write('first');
  expect(String(await first)).toBe('first');
  return { asker, input, half };
}

describe.skipIf(process.platform !== 'linux')('pipe whose input is a socket', () => {
  test('takes its end for one', async () => {
    const { asker, input, half } = await underWay();
    const end = fate(half);
    input.end();
    expect(await end).toBe('end');
    half.end();
    expect(await asker.exit()).toMatchObject({ status: 0, stderr: expect.not.stringContaining('chatosbot:') });
  });

  test('never takes a reset for an end, even when it comes with the last bytes', async () => {
    const { asker, input, half } = await underWay();
    asker.kill('SIGSTOP');
    await expect.poll(() => readFileSync(`/proc/${asker.pid}/stat`, 'utf8')).toMatch(/\) T /);
    await new Promise((resolve) => void input.write('the last', resolve));
    input.resetAndDestroy();
    const end = fate(half);
    asker.kill('SIGCONT');
    expect(await end).toBe('reset');
    expect(await failure(asker)).toEqual({
      status: 75,
      last: 'chatosbot: cannot read standard input: the other side broke the connection',
    });
  });
});
