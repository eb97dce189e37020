/** PROXY headers as a broken or hostile neighbour would send them: cut, changed and ended anywhere. */
import { expect, it } from 'vitest';
import { packet, str } from '../support/rfc-peer.ts';
import { Rig } from '../support/server-rig.ts';
import { endOf, openSocket, readExactly } from '../support/server-sockets.ts';
import { Random } from './server/random.ts';

const HEADERS = [
  Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 49374 7779\r\n'),
  Buffer.from('PROXY TCP6 2001:db8::7 ::1 49374 7779\r\n'),
  Buffer.from('PROXY UNKNOWN\r\n'),
  Buffer.from('0d0a0d0a000d0a515549540a2111000cc00002077f000001c0de1e63', 'hex'),
  Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'),
  Buffer.from('0d0a0d0a000d0a515549540a211100130102030405060708c0de1e6304000400000000', 'hex'),
];

it('[P20] 3,000 mangled headers cost nobody else anything, and leave nothing behind', async () => {
  const random = new Random(7);
  const below = (limit: number): number => random.below(limit);
  const rig = await Rig.start({ proxyHeaderTimeoutMs: 300, identifyTimeoutMs: 300 }, { proxies: ['127.0.0.1'] });
  const { port } = await rig.server.listen('127.0.0.1:0?proxy=any');

  const mangle = async (): Promise<void> => {
    const whole = Buffer.concat([HEADERS[below(HEADERS.length)]!, packet(0, str(`guest ${below(50)}`))]);
    for (let changes = below(3); changes > 0; changes -= 1) whole[below(whole.length)] = below(256);
    const bytes = whole.subarray(0, below(2) === 0 ? whole.length : below(whole.length + 1));
    const socket = await openSocket(port);
    const cut = below(bytes.length + 1);
    socket.write(bytes.subarray(0, cut));
    if (below(2) === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.write(bytes.subarray(cut));
    const how = below(3);
    if (how === 0) socket.end();
    else if (how === 1) socket.resetAndDestroy();
    else if (below(4) > 0) socket.destroy();
    else await endOf(socket.resume().end()).catch(() => undefined);
  };
  for (let batch = 0; batch < 60; batch += 1) await Promise.all(Array.from({ length: 50 }, mangle));

  const socket = await openSocket(port);
  socket.write(Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.200 127.0.0.1 1 7779\r\n'), packet(0, str('honest'))]));
  expect(await readExactly(socket, 1)).toEqual(Buffer.from([1]));
  await expect.poll(async () => await rig.stats()).toMatchObject({ connections: 1, clients: 1 });
  expect(rig.log.of('internal error')).toEqual([]);
  expect((await rig.stats()).badProxyHeaders).toBeGreaterThan(100);
});
