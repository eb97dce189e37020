/** A server in the test's own process, for commands that only meet there: a process for it costs thirty times as much. */
import { onTestFinished, TestRunner } from 'vitest';
import { LOOPBACK } from '../../src/net/networks.ts';
import { ChatosServer, type ServerOptions } from '../../src/server/index.ts';
import { aroundEachFile } from '../support/each-file.ts';
import { TESTED_SERVER } from '../support/left-out.ts';
import { ownAddress } from '../support/own-port.ts';
import { labFile, startServer } from './chatosbot.ts';

type Limits = NonNullable<ServerOptions['limits']>;

export interface ServerHere {
  readonly port: number;
  readonly at: string;
  /** Ends it; all that its clients see is that their connections end. */
  end(): Promise<void>;
}

const ofFile = new Set<ChatosServer>();
aroundEachFile({
  async end() {
    await Promise.all([...ofFile].map((server) => server.close({ drainMs: 0 })));
    ofFile.clear();
  },
});

/** Starts one, without limits for this machine if none are given. It ends with the test, or with the file where no test runs. */
export async function serverHere(limits: Limits = { exempt: LOOPBACK }): Promise<ServerHere> {
  if (TESTED_SERVER) return served(limits);
  const server = new ChatosServer({ limits });
  const end = (): Promise<void> => server.close({ drainMs: 0 });
  if (TestRunner.getCurrentTest()) onTestFinished(end);
  else ofFile.add(server);
  const { port } = await server.listen(await ownAddress());
  return { port, at: `127.0.0.1:${port}`, end };
}

let configs = 0;

async function served(limits: Limits): Promise<ServerHere> {
  const config = labFile(`here-${++configs}.yaml`, `serve: ${JSON.stringify({ limits })}\n`);
  const { command, port, at } = await startServer(['--config', config]);
  const end = async (): Promise<void> => {
    command.kill('SIGKILL');
    await command.exit();
  };
  return { port, at, end };
}
