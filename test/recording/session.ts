/** The session at the top of the README, done by real commands on terminals. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LAB, labFile } from '../e2e/chatosbot.ts';
import { Pane, PROMPT, textOf, type Line } from './pane.ts';

/** A terminal as it is shown. */
export interface Shot {
  readonly title: string;
  readonly lines: readonly Line[];
}

const BOT = `import { defineBot } from 'chatosbot';

export default defineBot({
  onMessage: (message) => message.reply(\`Hello, \${message.from}!\`),
});
`;

/** Does it; resolves to what the terminals show. */
export async function recordSession(): Promise<Shot[]> {
  const bots = await Pane.open('A server with bots', '.', {
    CHATOSBOT_LISTEN: '127.0.0.1:0',
    CHATOSBOT_STATE: path.join(LAB, 'state'),
    npm_config_update_notifier: 'false',
  });
  await bots.ask('npm start', /chatosbot chat --server/);
  const shots = [take(bots)];
  const [, server = ''] = /listening on (\S+)/.exec(bots.lines().map(textOf).join('\n'))!;

  const folder = path.dirname(labFile('hello/package.json', '{}'));
  writeFileSync(path.join(folder, 'hello.ts'), BOT);
  mkdirSync(path.join(folder, 'photos'));
  writeFileSync(path.join(folder, 'photos', 'dunes.jpg'), Buffer.alloc(2_000_000));
  const open = (title: string): Promise<Pane> => Pane.open(title, folder, { CHATOSBOT_SERVER: server });

  const bot = await open('A bot of your own');
  await bot.ask('cat hello.ts', PROMPT);
  await bot.ask('npx chatosbot run hello.ts --watch', /logged in/);
  const editor = await open('Talking to it, and editing it');
  const ask = 'npx chatosbot say --login ann --to hello hi --wait-for-answer';
  await editor.ask(ask, PROMPT);
  const reloaded = bot.shows(/reloaded/);
  await editor.ask("sed -i 's/Hello/Good morning/' hello.ts", PROMPT);
  await reloaded;
  await editor.ask(ask, PROMPT);
  shots.push(take(bot), take(editor));

  const receiver = await open('A pipe: one end');
  await receiver.ask('npx chatosbot pipe --listen --login bob > photos.tar', /waiting for .*\n.*\n/);
  const sender = await open('A pipe: the other end, on another machine');
  await sender.ask('tar c photos | npx chatosbot pipe bob --login carl', PROMPT);
  await receiver.shows(/received.*\n\$ ?$/);
  await receiver.ask('tar tf photos.tar', PROMPT);
  shots.push(take(receiver), take(sender));
  return shots;
}

/** What a terminal shows, without what differs from one time to the next. */
function take(pane: Pane): Shot {
  const lines = pane.lines().filter((line) => !UNASKED.test(textOf(line)));
  if (PROMPT.test(textOf(lines.at(-1)!))) lines.pop();
  const steady = lines.map((line) => line.map((run) => ({ ...run, text: STEADY.reduce(replaced, run.text) })));
  return { title: pane.title, lines: inOrder(steady) };
}

/** What bots say on their own, at full hours. */
const UNASKED = /(announce|standup): (It is|Stand-up)/;

/** What is shown in place of what differs: ports, times, rates. */
const STEADY: readonly (readonly [RegExp, string])[] = [
  [/ --server \S+$/, ''],
  [/(127\.0\.0\.1):\d+/g, '$1:7777'],
  [/\d{4}-\d\d-\d\dT[\d:]+Z/, '2026-11-27T09:30:00Z'],
  [/[\d.]+ (?:[KMG]i)?B\/s, [\d.]+ s/, '60.5 MiB/s, 0.0 s'],
];

function replaced(text: string, [pattern, by]: readonly [RegExp, string]): string {
  return text.replace(pattern, by);
}

/** Bots log in at once, in any order: each is shown as one after the other. */
function inOrder(lines: readonly Line[]): Line[] {
  const nameOf = (line: Line): string | undefined => {
    return /(?:login=(\w+) from=|^(\w+): logged in)/
      .exec(textOf(line))
      ?.slice(1)
      .find((name) => name !== undefined);
  };
  const names = lines.map(nameOf);
  const first = names.findIndex((name) => name !== undefined);
  if (first < 0) return [...lines];
  const rank = (line: Line): number => BOTS.indexOf(nameOf(line) ?? '');
  const [before, bots] = [lines.slice(0, first), lines.slice(first)];
  const count = bots.findLastIndex((line) => nameOf(line) !== undefined) + 1;
  return [...before, ...bots.slice(0, count).toSorted((a, b) => rank(a) - rank(b)), ...bots.slice(count)];
}

/** The bots of `npm start`, in the order of the configuration. */
const BOTS = ['echo', 'announce', 'files', 'dice', 'standup'];
