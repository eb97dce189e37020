/**
 * Run as a process of its own: brings clients to each stage of their life, ends them there, and says as lines of JSON
 * what is left open afterwards. Then it must end by itself.
 */
import process from 'node:process';
import { ChatosClient, type ClientOptions } from '../../src/client/index.ts';

/** Where the test that runs this has servers listening. */
export interface Servers {
  /** A ChatOS server where `bob` accepts and echoes, and `taken` is taken. */
  readonly real: string;
  /** Takes connections and answers nothing. */
  readonly silent: string;
  /** Accepts every login, gives the connect id 1 for every request, and answers nothing else; never ends anything. */
  readonly stuck: string;
  /** Nobody listens. */
  readonly closed: string;
}

type Stage = (servers: Servers) => Promise<ChatosClient>;

const event = (client: ChatosClient, name: 'retrying' | 'connected'): Promise<void> =>
  new Promise((resolve) => void client.once(name, () => resolve()));

function begin(server: string, options: Partial<ClientOptions> = {}): ChatosClient {
  const client = ChatosClient.create({ server, login: 'alice', ...options });
  client.start().catch(() => undefined);
  return client;
}

async function connected(server: string, options: Partial<ClientOptions> = {}): Promise<ChatosClient> {
  const client = begin(server, options);
  await event(client, 'connected');
  return client;
}

export const STAGES: Readonly<Record<string, Stage>> = {
  'not started': async ({ real }) => ChatosClient.create({ server: real, login: 'alice' }),
  'with a signal, not started': async ({ real }) =>
    ChatosClient.create({ server: real, login: 'alice', signal: new AbortController().signal }),
  connecting: async ({ real }) => begin(real),
  'refused a connection': async ({ closed }) => {
    await ChatosClient.connect({ server: closed, login: 'alice' }).catch(() => undefined);
    return ChatosClient.create({ server: closed, login: 'alice' });
  },
  'waiting for the answer to LOGIN': async ({ silent }) => {
    const client = begin(silent);
    await ChatosClient.connect({ server: silent, login: 'other', loginTimeoutMs: 20 }).catch(() => undefined);
    return client;
  },
  'refused the login': async ({ real }) => {
    await ChatosClient.connect({ server: real, login: 'taken' }).catch(() => undefined);
    return ChatosClient.create({ server: real, login: 'taken' });
  },
  'pausing before the next attempt': async ({ closed }) => {
    const client = begin(closed, { reconnect: { firstMs: 60_000, maxMs: 60_000 } });
    await event(client, 'retrying');
    return client;
  },
  'logged in': ({ real }) => connected(real),
  'logged in, with reconnection': ({ real }) => connected(real, { reconnect: true }),
  'asking for a channel': async ({ real }) => {
    const client = await connected(real);
    client.request('nobody').catch(() => undefined);
    await client.say('asked');
    return client;
  },
  'waiting for the other half of a channel': async ({ stuck }) => {
    const client = await connected(stuck);
    client.request('bob').catch(() => undefined);
    await new Promise((resolve) => void client.once('message', resolve));
    return client;
  },
  'with a channel that has ended': async ({ real }) => {
    const client = await connected(real);
    const channel = await client.request('bob');
    channel.end('echo').resume();
    await client.channelsClosed();
    return client;
  },
  'with a channel that was closed': async ({ real }) => {
    const client = await connected(real);
    await (await client.request('bob')).close();
    return client;
  },
  'with an open channel': async ({ real }) => {
    const client = await connected(real);
    (await client.request('bob')).on('error', () => undefined).write('echo');
    return client;
  },
  'with a channel that nobody reads': async ({ real }) => {
    const client = await connected(real);
    const channel = await client.request('bob');
    channel.write(Buffer.alloc(32 * 1024 * 1024));
    await new Promise((resolve) => void channel.once('readable', resolve));
    return client;
  },
};

/** What is open besides what was at the start, once all that is closing has closed. */
async function leftOpen(atStart: readonly string[]): Promise<string[]> {
  let left: string[] = [];
  for (let turns = 0; turns < 50; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    left = process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');
    for (const name of atStart) if (left.includes(name)) left.splice(left.indexOf(name), 1);
    if (left.length === 0) break;
  }
  return left;
}

async function main(servers: Servers): Promise<void> {
  const atStart = process.getActiveResourcesInfo();
  for (const [stage, reach] of Object.entries(STAGES)) {
    for (const how of ['close', 'destroy'] as const) {
      const client = await reach(servers);
      // What never answers, and a channel that is open, only `destroy` ends.
      if (how === 'close' && (servers.stuck.endsWith(`:${client.server.port}`) || client.channelCount > 0)) {
        await client.destroy();
        continue;
      }
      await client[how]();
      process.stdout.write(`${JSON.stringify({ stage, how, left: await leftOpen(atStart) })}\n`);
    }
  }
}

if (process.argv[2] !== undefined) await main(JSON.parse(process.argv[2]) as Servers);
