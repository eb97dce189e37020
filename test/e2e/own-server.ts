/** A server that a test kills and starts again, where its process is not what is tested. One that only ends: `serverHere`. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { onTestFinished, TestRunner } from 'vitest';
import { LOOPBACK } from '../../src/net/networks.ts';
import { ChatosServer } from '../../src/server/index.ts';
import { aroundEachFile } from '../support/each-file.ts';
import { TESTED_SERVER } from '../support/left-out.ts';
import { ownPort } from '../support/own-port.ts';
import { startServer } from './chatosbot.ts';

export interface OwnServer {
  readonly port: number;
  readonly at: string;
  /** Ends it in order: private connections have the time that it was given. */
  readonly end: () => Promise<void>;
  /**
   * Ends it much as SIGKILL does: nobody listens any more, and the system closes all connections as they are. That clients
   * do not take that for an end needs a process: `startServer`.
   */
  readonly kill: () => Promise<void>;
  /** Starts another one at the same address, which knows nothing of the one before. */
  readonly startAgain: () => Promise<void>;
}

const ofFile = new Set<() => Promise<void>>();
aroundEachFile({
  async end() {
    await Promise.all([...ofFile].map((end) => end()));
    ofFile.clear();
  },
});

/**
 * In this process, unless `CHATOSBOT_TEST_SERVER` names another one. Ready; it goes with the test, or with the file where no
 * test runs.
 */
export async function ownServer(drainMs = 0): Promise<OwnServer> {
  return TESTED_SERVER ? asProcess(drainMs) : here(drainMs);
}

async function here(drainMs: number): Promise<OwnServer> {
  const port = await ownPort();
  const at = `127.0.0.1:${port}`;
  const sockets = new Set<Socket>();
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === port) sockets.add(socket.once('close', () => sockets.delete(socket)));
  };
  subscribe('net.server.socket', onSocket);
  let server: ChatosServer;
  const startAgain = async (): Promise<void> => {
    server = new ChatosServer({ limits: { exempt: LOOPBACK } });
    await server.listen(at);
  };
  const kill = async (): Promise<void> => {
    for (const address of server.addresses) server.stopListening(address);
    for (const socket of sockets) socket.destroy();
    await server.close({ drainMs: 0 });
  };
  const leave = async (): Promise<void> => {
    await kill();
    unsubscribe('net.server.socket', onSocket);
  };
  if (TestRunner.getCurrentTest()) onTestFinished(leave);
  else ofFile.add(leave);
  await startAgain();
  return { port, at, end: () => server.close({ drainMs }), kill, startAgain };
}

async function asProcess(drainMs: number): Promise<OwnServer> {
  const drain = ['--drain', `${drainMs / 1000}`];
  const { command, port, at } = await startServer(drain);
  let running = command;
  const endBy = async (signal: NodeJS.Signals): Promise<void> => {
    running.kill(signal);
    await running.ended;
  };
  return {
    port,
    at,
    end: () => endBy('SIGTERM'),
    kill: () => endBy('SIGKILL'),
    startAgain: async () => {
      ({ command: running } = await startServer(['--listen', at, ...drain]));
    },
  };
}
