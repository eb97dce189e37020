import { expect, it } from 'vitest';
import { NO_RATES } from '../../support/floods.ts';
import { packet, str, type RfcPeer } from '../../support/rfc-peer.ts';
import { expectSilence, Rig } from '../../support/server-rig.ts';
import { endOf } from '../../support/server-sockets.ts';

const MIB = 2 ** 20;
const BATCH = 64;
const TEXT = 'x'.repeat(1000);
const READ_MS = 20;

/** Sends private messages to one who does not read, until that many bytes wait in the server, or until `stop`. */
async function fill(from: RfcPeer, to: string, batches: number, stop = (): boolean => false): Promise<void> {
  const frames = Buffer.concat(Array<Buffer>(BATCH).fill(packet(4, str(from.name), str(to), str(TEXT))));
  for (let batch = 0; batch < batches && !stop(); batch++) {
    from.send(frames);
    await expectSilence(from);
  }
}

it('[P18] who takes nothing for limits.writeTimeoutMs is closed, and the log says why; who reads slowly is not', async () => {
  const rig = await Rig.start({ ...NO_RATES, maxQueuedBytes: 64 * MIB, writeTimeoutMs: 2_000 });
  const [alice, stuck, slow] = [await rig.join('alice'), await rig.join('stuck'), await rig.join('slow')];
  stuck.socket.pause();
  slow.socket.pause();
  // So many reads in a second, however busy the machine is.
  let reads = performance.now() / READ_MS;
  const trickle = setInterval(() => {
    for (; reads < performance.now() / READ_MS && slow.socket.read() !== null; reads += 1);
  }, READ_MS / 4);
  for (const name of ['slow', 'stuck']) await fill(alice, name, 240); // more than the socket buffers hold
  const line = await rig.log.until('does not read');
  expect(line.fields).toMatchObject({ login: 'stuck', limit: 'writeTimeoutMs' });
  clearInterval(trickle);
  expect(await rig.stats()).toMatchObject({ stalled: 1, slow: 0, clients: 2 });
});

it('[P18] past limits.maxTotalQueuedBytes the fullest is closed, one after the other, until the rest fits', async () => {
  const rig = await Rig.start({ ...NO_RATES, maxQueuedBytes: 64 * MIB, maxTotalQueuedBytes: 8 * MIB });
  const alice = await rig.join('alice');
  const names = ['least', 'less', 'most'];
  const peers = new Map<string, RfcPeer>();
  for (const name of names) {
    peers.set(name, await rig.join(name));
    peers.get(name)!.socket.pause();
  }
  const closed: string[] = [];
  rig.server.on('shedConsumer', ({ login }) => closed.push(login));
  for (const [index, name] of names.entries()) {
    const before = (await rig.stats()).queuedBytes;
    // The socket buffers take their part first.
    while (closed.length === 0 && (await rig.stats()).queuedBytes - before < (index + 1) * 1.2 * MIB) {
      await fill(alice, name, 1);
    }
  }
  while (closed.length === 0) await fill(alice, 'least', 1);
  expect(closed).toEqual(['most']);
  expect(rig.log.of('does not read')[0]!.fields).toMatchObject({ login: 'most', limit: 'maxTotalQueuedBytes' });
  expect(await rig.stats()).toMatchObject({ shed: 1, clients: 3 });
  expect((await rig.stats()).queuedBytes).toBeLessThan(8 * MIB);
  for (const peer of peers.values()) peer.destroy();
  while ((await rig.stats()).clients > 1) await expectSilence(alice);
  expect((await rig.stats()).queuedBytes).toBe(0);
});

it('[P18] what waits for a side of a channel is counted for as long as it waits', async () => {
  const rig = await Rig.start();
  const { a, b, alice } = await rig.channel();
  b.pause();
  while ((await rig.stats()).queuedBytes === 0) {
    a.write(Buffer.alloc(MIB));
    await expectSilence(alice);
  }
  b.resume();
  while ((await rig.stats()).queuedBytes > 0) await expectSilence(alice);
  a.destroy();
  b.destroy();
  await rig.log.until('private connection ended');
  expect(await rig.stats()).toMatchObject({ queuedBytes: 0, shedChannels: 0 });
});

it('[P18] past limits.maxTotalQueuedBytes a channel is broken, too, where the most waits for one of its sides', async () => {
  const rig = await Rig.start({ maxTotalQueuedBytes: 10_000 });
  const { a, b, alice } = await rig.channel();
  b.pause();
  const broken = endOf(a);
  while (!a.destroyed) {
    a.write(Buffer.alloc(MIB));
    await expectSilence(alice);
  }
  expect(await broken).toBe('RST');
  const { level, fields } = await rig.log.until('private connection ended');
  const lift = 'raise serve.limits.maxTotalQueuedBytes';
  expect({ level, ...fields }).toMatchObject({ level: 'warn', outcome: 'shed', limit: 'maxTotalQueuedBytes', lift });
  expect(await rig.stats()).toMatchObject({ shedChannels: 1, shed: 0, queuedBytes: 0, clients: 2 });
});
