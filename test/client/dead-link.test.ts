import { expect, it, onTestFinished, vi } from 'vitest';
import { toAddress } from '../../src/net/address.ts';
import { isAlive } from '../../src/net/dial.ts';
import { TestProxy } from '../../src/testing/proxy.ts';
import { closing, connect, next, openChannel, startServer } from './real-server.ts';

const LOOK_MS = 5_000;

/** Alice, behind a proxy that can swallow what comes for her, and her channel with Bob. */
async function stallable(heartbeatMs = 60) {
  const { address } = await startServer();
  const proxy = await TestProxy.start(toAddress(address));
  onTestFinished(() => proxy.close());
  const alice = await connect(`127.0.0.1:${proxy.address.port}`, 'alice', { heartbeatMs });
  await alice.roundTrip();
  const bob = await connect(address, 'bob');
  const [here, there] = await openChannel(alice, bob);
  return { proxy, alice, here, there };
}

/** The clock stands still once the session is lost: what follows is the look at the channels. */
async function lose({ proxy, alice }: Awaited<ReturnType<typeof stallable>>, link: 'session' | 'all') {
  const lost = next(alice, 'disconnected');
  proxy.setStalled(link, true);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
  const [error] = await lost;
  return error;
}

/** What the peer writes now, as it comes. */
function late({ here, there }: Awaited<ReturnType<typeof stallable>>): Promise<unknown> {
  const came = new Promise((resolve) => here.once('data', (chunk: Buffer) => resolve(chunk.toString())));
  there.write('late');
  return came;
}

it('[P14] a channel on which nothing moves is broken with the session that nothing comes on any more', async () => {
  const rig = await stallable();
  const broken = new Promise((resolve) => rig.here.once('error', resolve));
  const peers = closing(rig.there);
  const cause = await lose(rig, 'all');
  vi.advanceTimersByTime(LOOK_MS);
  expect(await broken).toMatchObject({
    code: 'CHANNEL_ABORTED',
    message: 'the private connection with bob broke: the link to the server is dead',
    cause,
    fields: { peer: 'bob' },
  });
  expect(await peers).toBe('CHANNEL_ABORTED');
});

it('[P14] a channel on which bytes come outlives such a session', async () => {
  const rig = await stallable();
  await lose(rig, 'session');
  rig.there.write('alive');
  await new Promise((resolve) => rig.here.once('data', resolve));
  vi.advanceTimersByTime(LOOK_MS);
  expect(await late(rig)).toBe('late');
});

it('[P14] a channel on which bytes go outlives such a session while the server can be reached', async () => {
  const rig = await stallable();
  await lose(rig, 'session');
  await new Promise<void>((resolve) => rig.here.write('alive', () => resolve()));
  await new Promise((resolve) => rig.there.once('data', resolve));
  // By then, the client knows it too: where there are workers, they are asked by turns.
  for (let i = 0; i < 4; i++) expect(await isAlive(rig.proxy.address)).toBe(true);
  vi.advanceTimersByTime(LOOK_MS);
  expect(await late(rig)).toBe('late');
});

it('[P14] a channel on which nothing moves outlives a session that was broken off', async () => {
  const rig = await stallable(Infinity);
  const lost = next(rig.alice, 'disconnected');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
  rig.proxy.cut('session');
  await lost;
  vi.advanceTimersByTime(2 * LOOK_MS);
  expect(await late(rig)).toBe('late');
});

it('[P14] a channel on which nothing moves outlives a session at another machine than its own', async () => {
  const { address } = await startServer();
  const [one, other] = [await TestProxy.start(toAddress(address)), await TestProxy.start(toAddress(address))];
  onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));
  const server = [one, other].map((proxy) => `127.0.0.1:${proxy.address.port}`).join();
  const alice = await connect(server, 'alice', { heartbeatMs: 60, reconnect: { firstMs: 8 } });
  const bob = await connect(address, 'bob');
  const [here, there] = await openChannel(alice, bob);
  const back = next(alice, 'connected');
  one.cut('session');
  await back;
  expect(alice.server).toMatchObject({ port: other.address.port });
  await alice.roundTrip();
  const cause = await lose({ proxy: other, alice, here, there }, 'session');
  expect(cause?.fields).toHaveProperty('silentMs');
  vi.advanceTimersByTime(2 * LOOK_MS);
  expect(await late({ proxy: other, alice, here, there })).toBe('late');
});
