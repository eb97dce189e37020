/** A packet connection over real sockets, with a bare socket at its other end. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import type { ChatosError } from '../../src/errors.ts';
import { TcpTransport } from '../../src/net/tcp-transport.ts';
import { PacketConnection, type PacketConnectionOptions } from '../../src/net/packet-connection.ts';
import type { Packet } from '../../src/protocol/index.ts';
import { naivePacket } from './naive-packets.ts';
import { openSocket, within } from './server-sockets.ts';

export const message = (msg: string): Packet => ({ type: 'MESSAGE', login: 'alice', msg });
export const bytesOf = (msg: string): Buffer => naivePacket(message(msg), 4);
/** One turn of the event loop, at least. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

export async function pair(
  options: PacketConnectionOptions = {},
  onPacket?: (packet: Packet, frame: Buffer) => void,
  onClose?: () => void,
) {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const peer = await openSocket((server.address() as AddressInfo).port);
  const socket = await accepted;
  server.close();
  onTestFinished(() => void socket.destroy());
  const packets: Packet[] = [];
  let closes = 0;
  let ends = 0;
  let onClosed: (error: ChatosError | undefined) => void = () => undefined;
  const closed = new Promise<ChatosError | undefined>((resolve) => (onClosed = resolve));
  const transport = new TcpTransport(socket);
  const writes = vi.spyOn(socket, 'write');
  const connection: PacketConnection = new PacketConnection(
    transport,
    {
      onPacket: (got, frame) => {
        packets.push(got);
        onPacket?.(got, frame());
      },
      onEnd: () => void (ends += 1),
      onClose: (error) => {
        closes += 1;
        onClosed(error);
        onClose?.();
      },
    },
    options,
  );
  return {
    connection,
    socket,
    peer,
    packets,
    writes,
    closes: () => closes,
    ends: () => ends,
    closed: () => within(closed, 'onClose'),
    packetsToCome: async (count: number) => {
      while (packets.length < count) await turn();
      return packets;
    },
  };
}
