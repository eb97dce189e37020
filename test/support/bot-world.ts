/** A real server on 127.0.0.1, bots on it and peers beside them: everything ends with the test that asked for it. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { readPlugin, type LoadedPlugin } from '../../src/bot/loading/read-plugin.ts';
import type { BotPlugin } from '../../src/bot/plugin/plugin.ts';
import type { RuntimeOptions } from '../../src/bot/runtime-options.ts';
import { BotRuntime } from '../../src/bot/runtime.ts';
import { parseAddress, type Address } from '../../src/net/address.ts';
import { LOOPBACK } from '../../src/net/networks.ts';
import type { ServerLimits } from '../../src/server/limits/server-limits.ts';
import { ChatosServer } from '../../src/server/server.ts';
import { MemoryLog } from './bot-log.ts';
import { TESTED_SERVER } from './left-out.ts';
import { openHalf, RfcPeer, type LongBytes } from './rfc-peer.ts';
import { serve } from './served.ts';

export const WIDTHS: readonly LongBytes[] = [4, 8];

/** Starts a server; returns where it listens. */
export async function startServer(longBytes: LongBytes = 4, limits: Partial<ServerLimits> = {}): Promise<Address> {
  const options = { limits: { exempt: LOOPBACK, ...limits } };
  if (TESTED_SERVER) {
    const [port] = (await serve({ options, listen: [`127.0.0.1:0?longBytes=${longBytes}`] })).ports;
    return parseAddress(`127.0.0.1:${port}?longBytes=${longBytes}`);
  }
  const server = new ChatosServer(options);
  onTestFinished(() => server.close());
  return server.listen({ host: '127.0.0.1', port: 0, longBytes });
}

/** A plugin as the loader would return it. */
export function plugin(name: string, parts: AnyPlugin): LoadedPlugin {
  return readPlugin({ name, ...parts }, { name, file: `/plugins/${name}.ts`, shown: name });
}

/** A plugin, whatever its options, commands and filters. */
type AnyPlugin = BotPlugin;

export interface BotSpec {
  readonly plugin: LoadedPlugin;
  readonly login?: string;
  readonly options?: Record<string, unknown>;
  /** @default the server of the others */
  readonly server?: Address;
  /** Until when it has run before. */
  readonly since?: Date;
}

export interface Bots {
  readonly runtime: BotRuntime;
  readonly log: MemoryLog;
}

/** Bots that are not started yet. */
export function createBots(server: Address, specs: readonly BotSpec[], options: RuntimeOptions = {}): Bots {
  const log = new MemoryLog();
  const entries = specs.map((spec) => ({ server, ...spec }));
  const stateDirectory = path.join(tmpdir(), `chatosbot-test-${randomUUID()}`);
  onTestFinished(() => rm(stateDirectory, { recursive: true, force: true }));
  const runtime = new BotRuntime(entries, { log, stateDirectory, ...options });
  onTestFinished(() => runtime.stop({ timeoutMs: 0 }));
  return { runtime, log };
}

/** Starts bots; resolves when they are logged in. */
export async function startBots(server: Address, specs: readonly BotSpec[], options?: RuntimeOptions): Promise<Bots> {
  const bots = createBots(server, specs, options);
  await bots.runtime.start();
  return bots;
}

/** Starts one bot named `bot` with these hooks. */
export function startBot(server: Address, hooks: BotPlugin, options?: RuntimeOptions): Promise<Bots> {
  return startBots(server, [{ plugin: plugin('bot', hooks) }], options);
}

/** A client of the RFC's own words, logged in. */
export async function joinAs(server: Address, login: string): Promise<RfcPeer> {
  const peer = await RfcPeer.connect(server.port, { longBytes: server.longBytes });
  onTestFinished(() => peer.destroy());
  if (!(await peer.login(login))) throw new Error(`the login ${login} was refused`);
  return peer;
}

export interface PeerChannel {
  readonly connectId: bigint;
  readonly half: Socket;
}

/** Asks for a private connection, which must be accepted, and opens the peer's half. */
export async function openChannel(peer: RfcPeer, server: Address, target = 'bot'): Promise<PeerChannel> {
  peer.request(target);
  const { connectId } = await peer.next(8);
  const half = await openHalf(server.port, connectId, { longBytes: server.longBytes });
  onTestFinished(() => void half.destroy());
  return { connectId, half };
}

/** Asks for a private connection, which must be refused. */
export async function expectRefusal(peer: RfcPeer, target = 'bot'): Promise<void> {
  peer.request(target);
  await peer.next(7);
}

/** Resolves to the value that the returned function is called with first. */
export function signalled<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

/**
 * How a half that is being read comes to its end. Node 20 and 22 report a reset right behind data as an end (libuv): an
 * empty write tells the two apart.
 */
export function endOf(half: Socket): Promise<'end' | 'reset'> {
  return new Promise((resolve) => {
    half.once('error', () => resolve('reset'));
    half.once('end', () => half.write('', (error) => resolve(error ? 'reset' : 'end')));
    half.resume();
  });
}
