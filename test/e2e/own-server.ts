/** A server that a test kills and starts again, where its process is not what is tested. One that only ends: `serverHere`. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { LOOPBACK } from '../../src/net/networks.ts';
import { ChatosServer } from '../../src/server/index.ts';
import { TESTED_SERVER } from '../support/left-out.ts';
import { ownPort } from '../support/own-port.ts';
import { startServer } from './chatosbot.ts';

export interface OwnServer {
  readonly port: number;
  readonly at: string;
  /** Ends it as SIGKILL does: nobody listens any more, and the system closes all connections as they are. */
  kill(): Promise<void>;
  /** Starts another one at the same address, which knows nothing of the one before. */
  startAgain(): Promise<void>;
}

/** In this process, unless `CHATOSBOT_TEST_SERVER` names another one. Ready; it goes with the test. */
export async function ownServer(): Promise<OwnServer> {
  return TESTED_SERVER ? asProcess() : here();
}

async function here(): Promise<OwnServer> {
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
    await server.close();
  };
  onTestFinished(async () => {
    await kill();
    unsubscribe('net.server.socket', onSocket);
  });
  await startAgain();
  return { port, at, kill, startAgain };
}

async function asProcess(): Promise<OwnServer> {
  const { command, port, at } = await startServer();
  let running = command;
  return {
    port,
    at,
    async kill() {
      running.kill('SIGKILL');
      await running.ended;
    },
    async startAgain() {
      ({ command: running } = await startServer(['--listen', at]));
    },
  };
}
