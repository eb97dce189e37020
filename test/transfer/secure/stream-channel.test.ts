import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { secureChannel, type SecureChannelOptions } from '../../../src/transfer/secure/secure.ts';
import type { SecureChannel } from '../../../src/transfer/secure/secure-channel.ts';
import { memoryPair } from '../verified/memory-channels.ts';
import { SECRET } from './rig.ts';

/** A server may leave a socket closed for writing when the other side has ended: we must not. */
async function sockets(): Promise<{ here: Socket; there: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const here = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [there] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    for (const socket of [here, there]) socket.destroy();
    server.close();
  });
  return { here, there };
}

/** Two ends of nothing but streams. */
function duplexes(): { here: Duplex; there: Duplex } {
  const [to, fro] = [new PassThrough(), new PassThrough()];
  const pair = (readable: PassThrough, writable: PassThrough): Duplex => Duplex.from({ readable, writable });
  return { here: pair(fro, to), there: pair(to, fro) };
}

function both(here: Duplex, there: Duplex, options: SecureChannelOptions = {}): Promise<SecureChannel[]> {
  return Promise.all([
    secureChannel(here, SECRET, { ...options, role: 'requester' }),
    secureChannel(there, SECRET, { ...options, role: 'target' }),
  ]);
}

it.each([
  ['two sockets', sockets],
  ['two streams', duplexes],
])('%s are encrypted, and each direction has its own end', async (_, make) => {
  const { here, there } = await make();
  const [near, far] = (await both(here, there)) as [SecureChannel, SecureChannel];
  near.end('asked'.repeat(100_000));
  expect((await text(far)).length).toBe(500_000);
  far.end('answered');
  expect(await text(near)).toBe('answered');
  expect([near.peer, far.peer, near.bytesSent]).toEqual(['target', 'requester', 500_000]);
});

it('a socket that is reset is an abort, and one that is ended by somebody else is cut', async () => {
  const first = await sockets();
  const [near, far] = (await both(first.here, first.there)) as [SecureChannel, SecureChannel];
  near.write('begun');
  await once(far, 'data');
  near.destroy();
  const [aborted] = await once(far, 'error');
  expect(aborted).toMatchObject({ code: 'CHANNEL_ABORTED', message: 'the connection with requester broke' });
  const second = await sockets();
  const [, cut] = (await both(second.here, second.there)) as [SecureChannel, SecureChannel];
  second.here.end();
  const [isCut] = await once(cut.resume(), 'error');
  expect(isCut).toMatchObject({ code: 'DATA_INCOMPLETE', fields: { cutAt: 0 } });
});

it('names are part of the agreement', async () => {
  const { here, there } = await sockets();
  const ends = await Promise.allSettled([
    secureChannel(here, SECRET, { role: 'requester', login: 'ann', peer: 'bob' }),
    secureChannel(there, SECRET, { role: 'target', login: 'bob', peer: 'eve' }),
  ]);
  for (const end of ends) expect(end).toMatchObject({ reason: { code: 'WRONG_SECRET' } });
});

it.each([
  ['without a role', () => new PassThrough(), {}, 'say which side it is'],
  ['of objects', () => new PassThrough({ objectMode: true }), { role: 'target' }, 'it carries objects'],
  ['of text', () => new PassThrough({ encoding: 'utf8' }), { role: 'target' }, 'gives text'],
  ['that is over', () => new PassThrough().destroy(), { role: 'target' }, 'it has ended already'],
  ['with another role', () => new PassThrough(), { role: 'client' }, 'role'],
  ['that is a channel, with a role', () => memoryPair().target, { role: 'target' }, 'a channel knows its role'],
] as const)('a stream %s is refused', async (_, make, options, why) => {
  const refused = secureChannel(make(), SECRET, options as SecureChannelOptions);
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(why) });
});

it('writes to a peer that does not read wait', async () => {
  const { here, there } = await sockets();
  const [near, far] = (await both(here, there)) as [SecureChannel, SecureChannel];
  far.pause();
  let taken = 0;
  const block = Buffer.alloc(1_000_000);
  const fill = (): void => void near.write(block, (error) => !error && ++taken < 100 && fill());
  fill();
  await expect.poll(() => near.writableNeedDrain && taken).toBeLessThan(100);
  near.destroy();
});
