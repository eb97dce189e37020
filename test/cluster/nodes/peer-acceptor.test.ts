import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PeerAcceptor, type ArrivedPeer } from '../../../src/cluster/nodes/peer-acceptor.ts';
import { makePreface } from '../../../src/cluster/nodes/preface.ts';
import { socketOf } from '../../../src/net/socket-handle.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { ownAddress } from '../../support/own-port.ts';
import { within } from '../../support/server-sockets.ts';

async function open(timeoutMs?: number, address = '127.0.0.1:0') {
  const acceptor = await PeerAcceptor.open(address, () => undefined, timeoutMs);
  const arrived = withResolvers<{ peer: ArrivedPeer; socket: net.Socket }>();
  const refused: string[] = [];
  acceptor.handlers = {
    onPeer: (peer, handle) => {
      const socket = socketOf(handle);
      onTestFinished(() => void socket.destroy());
      arrived.resolve({ peer, socket });
    },
    onRefused: (_, why) => refused.push(why),
  };
  onTestFinished(() => acceptor.close());
  const port = Number(acceptor.address.split(':').at(-1));
  const dial = async (): Promise<net.Socket> => {
    const socket = net.connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  return { acceptor, arrived: arrived.promise, refused, dial };
}

/** Resolves when a connection is closed. */
async function closed(socket: net.Socket): Promise<void> {
  if (!socket.destroyed) await once(socket.resume(), 'close');
}

describe('where a node listens for others', () => {
  it('has a real port, and hands a connection on by its preface, with what follows at once', async () => {
    const { acceptor, arrived, dial } = await open();
    expect(acceptor.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    const socket = await dial();
    const preface = makePreface({ kind: 'half', slot: 5, isEncrypted: true });
    // In two pieces, the second with more in it.
    socket.write(preface.subarray(0, 3));
    socket.write(Buffer.concat([preface.subarray(3), Buffer.from('more')]));
    const { peer, socket: taken } = await arrived;
    expect(peer).toMatchObject({ kind: 'half', slot: 5, isEncrypted: true, from: '127.0.0.1' });
    socket.write('later');
    let text = String(peer.read);
    for await (const chunk of taken) {
      text += String(chunk);
      if (text.length >= 9) break;
    }
    expect(text).toBe('morelater');
    expect(acceptor.waiting).toBe(0);
  });

  it('closes what is no node at its first wrong byte, and says why', async () => {
    const { refused, dial } = await open();
    const socket = await dial();
    socket.write('chatosGET / HTTP/1.1\r\n');
    await closed(socket);
    const other = await dial();
    other.write(Buffer.concat([Buffer.from('chatosnd'), Buffer.from([2, 0, 0, 0])]));
    await closed(other);
    expect(refused).toEqual([
      'it is no node of a cluster',
      expect.stringMatching(/speaks version 2, this node version 1/),
    ]);
  });

  it('closes what stays silent', async () => {
    const { refused, dial } = await open(50);
    await closed(await dial());
    expect(refused).toEqual(['it has not said in time what it wants']);
  });

  it('says nothing of one that has spoken in time, and closes it where nobody is there to get it', async () => {
    const { acceptor, refused, dial, arrived } = await open(50);
    (await dial()).write(makePreface({ kind: 'link', slot: 0, isEncrypted: false }));
    await arrived;
    // The time of one that came later is over, and that of the first one was before.
    await closed(await dial());
    expect(refused).toEqual(['it has not said in time what it wants']);
    acceptor.handlers = undefined;
    const unwanted = await dial();
    unwanted.write(makePreface({ kind: 'link', slot: 0, isEncrypted: false }));
    await within(closed(unwanted), 'the end of the unwanted one');
    expect(acceptor.waiting).toBe(0);
  });

  it('closes what is silent with its port, and takes no more', async () => {
    const { acceptor, refused, dial } = await open(undefined, await ownAddress());
    const silent = await dial();
    // It has been accepted.
    await expect.poll(() => acceptor.waiting).toBe(1);
    acceptor.close();
    await within(closed(silent), 'the end of the silent one');
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect([acceptor.waiting, refused]).toEqual([0, []]);
  });

  it('lets one address have 32 that are silent, and no more; one that speaks makes room', async () => {
    const { acceptor, refused, dial, arrived } = await open();
    const silent = [];
    for (let i = 0; i < 32; i++) silent.push(await dial());
    await closed(await dial());
    expect(refused).toEqual(['too many connections have not said what they want']);
    expect(acceptor.waiting).toBe(32);
    silent[0]!.write(makePreface({ kind: 'link', slot: 0, isEncrypted: false }));
    await arrived;
    const late = await dial();
    late.write('x');
    await closed(late);
    expect(refused.at(-1)).toBe('it is no node of a cluster');
  });
});
