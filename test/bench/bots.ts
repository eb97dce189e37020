import path from 'node:path';
import { ChatosClient } from '../../src/client/client.ts';
import { compare, cpuSeconds, median, residentMiB, type Contender, type Figures } from './measure.ts';
import { startBots, startProcess, type BotProcess } from './bot-processes.ts';
import { CLI, startChatos, type Running } from './processes.ts';

const ROUND_TRIPS = 3_000;
const MESSAGES = 30_000;
/** Messages on their way at once, when it is about how many a second. */
const WINDOW = 100;

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
  await compare(`bots: ${ROUND_TRIPS} round trips, ${MESSAGES} messages, ${WINDOW} at once`, contenders, rounds);
}

async function measure(startOne: (server: string) => Promise<BotProcess>): Promise<Figures> {
  const server: Running = await startChatos();
  const address = `127.0.0.1:${server.port}`;
  const bot = await startOne(address);
  const user = await ChatosClient.connect({ server: address, login: 'user' });
  try {
    let answered: () => void = () => undefined;
    user.on('message', ({ own }) => {
      if (!own) answered();
    });
    const roundTrip = async (text: string): Promise<number> => {
      const sentAt = performance.now();
      const answer = new Promise<void>((resolve) => (answered = resolve));
      void user.tell('bot', text);
      await answer;
      return (performance.now() - sentAt) * 1000;
    };
    for (let i = 0; i < 500; i++) await roundTrip('warm');
    const times: number[] = [];
    for (let i = 0; i < ROUND_TRIPS; i++) times.push(await roundTrip('ping'));

    let count = 0;
    let sent = 0;
    const cpuBefore = cpuSeconds(bot.pid);
    const startedAt = performance.now();
    await new Promise<void>((resolve) => {
      const sendOne = (): void => {
        if (sent >= MESSAGES) return;
        sent += 1;
        void user.tell('bot', 'a message of an ordinary length, as people write it');
      };
      answered = () => {
        count += 1;
        if (count === MESSAGES) resolve();
        else sendOne();
      };
      for (let i = 0; i < WINDOW; i++) sendOne();
    });
    const elapsedS = (performance.now() - startedAt) / 1000;
    return {
      'k messages/s': MESSAGES / elapsedS / 1000,
      'CPU-us/message': ((cpuSeconds(bot.pid) - cpuBefore) / MESSAGES) * 1e6,
      'round trip us (p50)': median(times),
      'round trip us (p99)': times.toSorted((a, b) => a - b)[Math.floor(ROUND_TRIPS * 0.99)]!,
      'RSS MiB': residentMiB(bot.pid),
    };
  } finally {
    await user.destroy();
    await bot.stop();
    await server.stop();
  }
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
