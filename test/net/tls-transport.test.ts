import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { PacketConnection } from '../../src/net/packet-connection.ts';
import { openSocket, readExactly, within } from '../support/server-sockets.ts';
import { secured } from '../support/tls-connection.ts';
import { naivePacket } from '../support/naive-packets.ts';

async function connection() {
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 1 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const socket = await openSocket((server.address() as AddressInfo).port);
  const both = await secured(socket, await accepted);
  onTestFinished(() => {
    both.client.stream.destroy();
    both.ours.stream.destroy();
  });
  return { ...both, socket };
}

it('a packet that is sent while the last of the handshake is still on its way out leaves, too', async () => {
  const login = naivePacket({ type: 'LOGIN', login: 'alice' }, 4);
  for (let round = 0; round < 20; round += 1) {
    const { client, ours } = await connection();
    const packets = new PacketConnection(client, { onPacket: () => undefined, onClose: () => undefined });
    packets.send({ type: 'LOGIN', login: 'alice' });
    packets.flush();
    expect(await within(readExactly(ours.stream, login.length), `LOGIN ${round}`)).toEqual(login);
  }
});
