import { once } from 'node:events';
import path from 'node:path';
import { ChatosClient } from '../../src/client/client.ts';
import { compare, cpuSeconds, median, residentMiB, type Contender, type Figures } from './measure.ts';
import { startBots, startProcess, type BotProcess } from './servers/bot-processes.ts';
import { CLI, startChatos, type Running } from './servers/processes.ts';

const ROUND_TRIPS = 3_000;
const MESSAGES = 30_000;
/** Who sends them, and how many each has on their way at once. */
const USERS = 10;
const WINDOW = 10;

const CLIENT = path.resolve(path.dirname(CLI), '../client/index.js');
/** What a bot comes to without a runtime: the client of the same package, and nothing else. */
const BARE = `
import { ChatosClient } from ${JSON.stringify(CLIENT)};
const client = await ChatosClient.connect({ server: process.argv[2], login: 'bot' });
client.on('message', ({ from, text, own }) => { if (!own) void client.tell(from, text); });
console.error('logged in as bot');
`;
const ANSWERING = `export const onMessage = (message: { text: string; reply(text: string): Promise<void> }) => message.reply(message.text);`;
/** One of several plugins of an account: it looks at each message, and leaves it to another. */
const LISTENING = `export const onMessage = (message: { text: string }) => { if (message.text === 'never said') throw new Error(); };`;

/** Messages through a bot: how many a second, at what CPU, and how long a single one takes to be answered. */
export async function benchBots(rounds: number): Promise<void> {
  const contenders: Contender[] = [
    { name: 'a bot, 1 plugin', run: () => measure((server) => startBot(server, 1)) },
    { name: 'a bot, 10 plugins', run: () => measure((server) => startBot(server, 10)) },
    { name: 'a bot in a worker', run: () => measure((server) => startBot(server, 1, true)) },
    { name: 'the bare client', run: () => measure(startBare) },
  ];
  await compare(`bots: ${ROUND_TRIPS} round trips, ${MESSAGES} messages, of ${USERS} users`, contenders, rounds);
}

async function measure(startOne: (server: string) => Promise<BotProcess>): Promise<Figures> {
  const server: Running = await startChatos();
  try {
    const address = `127.0.0.1:${server.port}`;
    const bot = await startOne(address);
    try {
      return await measureBot(bot, address);
    } finally {
      await bot.stop();
    }
  } finally {
    await server.stop();
  }
}

async function measureBot(bot: BotProcess, server: string): Promise<Figures> {
  const users = await Promise.all(
    Array.from({ length: USERS }, (_, i) => ChatosClient.connect({ server, login: `user-${i}` })),
  );
  const times = (await timeRoundTrips(users[0]!)).toSorted((a, b) => a - b);
  const cpuBefore = cpuSeconds(bot.pid);
  const startedAt = performance.now();
  await Promise.all(users.map((user) => exchange(user, MESSAGES / USERS)));
  const elapsedS = (performance.now() - startedAt) / 1000;
  const figures = {
    'k messages/s': MESSAGES / elapsedS / 1000,
    'CPU-us/message': ((cpuSeconds(bot.pid) - cpuBefore) / MESSAGES) * 1e6,
    'round trip us (p50)': median(times),
    'round trip us (p10)': times[Math.floor(ROUND_TRIPS * 0.1)]!,
    'RSS MiB': residentMiB(bot.pid),
  };
  await Promise.all(users.map((user) => user.destroy()));
  return figures;
}

/** One message after the other, each when the last one has been answered; in microseconds. */
async function timeRoundTrips(user: ChatosClient): Promise<number[]> {
  const times: number[] = [];
  for (let i = -500; i < ROUND_TRIPS; i++) {
    const sentAt = performance.now();
    const answer = once(user, 'message');
    void user.tell('bot', 'ping');
    await answer;
    if (i >= 0) times.push((performance.now() - sentAt) * 1000);
  }
  return times;
}

/** So many messages, some of them on their way at once; resolves when all are answered. */
function exchange(user: ChatosClient, messages: number): Promise<void> {
  let [sent, answered] = [0, 0];
  const sendOne = (): void => {
    if (sent >= messages) return;
    sent += 1;
    void user.tell('bot', 'a message of an ordinary length, as people write it');
  };
  return new Promise((resolve) => {
    const onAnswer = (): void => {
      answered += 1;
      if (answered < messages) return sendOne();
      user.off('message', onAnswer);
      resolve();
    };
    user.on('message', onAnswer);
    for (let i = 0; i < WINDOW; i++) sendOne();
  });
}

function startBare(server: string): Promise<BotProcess> {
  return startProcess({ 'bare.mjs': BARE }, ['bare.mjs', server]);
}

/** Plugins of one account as `run` runs them: one answers, the others listen. Without the limits against floods. */
function startBot(server: string, plugins: number, inWorker = false): Promise<BotProcess> {
  const files: Record<string, string> = { 'bot.ts': ANSWERING };
  const bots: object[] = [{ path: './bot.ts', login: 'bot', ...(inWorker && { isolate: 'worker' }) }];
  for (let i = 1; i < plugins; i++) {
    files[`listener-${i}.ts`] = LISTENING;
    bots.push({ path: `./listener-${i}.ts`, login: 'bot' });
  }
  return startBots(server, files, bots);
}
