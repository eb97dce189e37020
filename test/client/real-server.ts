/** A real server, real clients and channels between them, all gone when the test is over. */
import { createHash, type Hash } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { onTestFinished } from 'vitest';
import { ChatosClient, type Channel, type ClientEvents, type ClientOptions } from '../../src/client/index.ts';
import { LOOPBACK } from '../../src/net/networks.ts';
import type { LongBytes } from '../../src/protocol/index.ts';
import { ChatosServer, type ServerOptions } from '../../src/server/index.ts';
import { within } from '../support/fake-server.ts';
import { leaveOut, TESTED_SERVER } from '../support/left-out.ts';
import { ownPort } from '../support/own-port.ts';
import { serve } from '../support/served.ts';

export const WIDTHS = [4, 8] as const satisfies readonly LongBytes[];

export interface RealServer {
  readonly server: ChatosServer;
  readonly port: number;
  /** As a client is given it. */
  readonly address: string;
}

export async function startServer(
  longBytes: LongBytes = 4,
  { port: wanted, limits, ...options }: ServerOptions & { port?: number } = {},
): Promise<RealServer> {
  const all = { ...options, limits: { exempt: LOOPBACK, ...limits } };
  const listen = `127.0.0.1:${wanted ?? (await ownPort())}?longBytes=${longBytes}`;
  if (TESTED_SERVER) {
    const [port] = (await serve({ options: all, listen: [listen] })).ports;
    return {
      get server() {
        return leaveOut('it reaches into the server');
      },
      port: port!,
      address: `127.0.0.1:${port}?longBytes=${longBytes}`,
    };
  }
  const server = new ChatosServer(all);
  onTestFinished(() => server.close());
  const { port } = await server.listen(listen);
  return { server, port, address: `127.0.0.1:${port}?longBytes=${longBytes}` };
}

/** A client that is destroyed when the test is over. */
export function createClient(options: ClientOptions): ChatosClient {
  const client = ChatosClient.create(options);
  onTestFinished(() => within(client.destroy(), 'destroying a client'));
  return client;
}

export async function connect(
  server: string,
  login: string,
  options: Partial<ClientOptions> = {},
): Promise<ChatosClient> {
  const client = createClient({ server, login, ...options });
  await client.start();
  return client;
}

/** The next time that something happens to a client, with its arguments. */
export function next<K extends keyof ClientEvents>(client: ChatosClient, event: K): Promise<ClientEvents[K]> {
  const happened = new Promise<ClientEvents[K]>((resolve) => {
    (client as EventEmitter).once(event, (...args: unknown[]) => resolve(args as ClientEvents[K]));
  });
  return within(happened, `awaiting '${event}'`);
}

/** Asks and accepts: both ends of a new channel, the requester's first. */
export async function openChannel(from: ChatosClient, to: ChatosClient): Promise<[Channel, Channel]> {
  const accepted = next(to, 'request').then(([request]) => request.accept());
  const [here, there] = await Promise.all([from.request(to.login), accepted]);
  leaveOpen(here, there);
  return [here, there];
}

/** A test may leave these channels open: that they break when it is over is no error. */
export function leaveOpen(...channels: Channel[]): void {
  onTestFinished(() => {
    for (const channel of channels) channel.on('error', () => undefined);
  });
}

/** A server, two clients, and a channel that alice has asked for. */
export async function openPair(longBytes: LongBytes = 4) {
  const { server, address } = await startServer(longBytes);
  const [alice, bob] = await Promise.all([connect(address, 'alice'), connect(address, 'bob')]);
  const [here, there] = await openChannel(alice, bob);
  return { server, address, alice, bob, here, there };
}

/** What a promise is rejected with. It is handled from the start, whenever the test comes to look at it. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  const settled = promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );
  return within(settled, 'awaiting a failure');
}

/** How a channel ends for its reader: `end`, or the code of its error. It is read, at once unless told otherwise. */
export function ending(channel: Channel, beforeReading?: Promise<void>): Promise<string> {
  return new Promise((resolve) => {
    channel.once('end', () => resolve('end'));
    channel.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    channel.once('close', () => resolve('close'));
    if (beforeReading) void beforeReading.then(() => channel.resume());
    else channel.resume();
  });
}

/** When a channel is gone altogether: the code of its error, or none. */
export function closing(channel: Channel): Promise<string | undefined> {
  return new Promise((resolve) => {
    let code: string | undefined;
    channel.once('error', (error) => (code = 'code' in error ? String(error.code) : error.message));
    channel.once('close', () => resolve(code));
  });
}

/** Everything up to the end of the peer's direction. */
export async function readAll(channel: Channel): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of channel) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const sha256 = (): Hash => createHash('sha256');
