import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { CutNetwork, whyNoNamespaces, type Machine } from '../support/cut-network.ts';
import { endCommands, type Command } from '../support/command.ts';
import { commandFolder, labFile, startProgram, type Options } from './chatosbot.ts';

/** The system probes connections after a second; with the defaults, all of it takes up to 50 s. */
const QUICK_PROBES = labFile(
  'quick-probes.cjs',
  `const { subscribe } = require('node:diagnostics_channel');
  for (const side of ['client', 'server']) subscribe('net.' + side + '.socket', ({ socket }) => socket.setKeepAlive(true, 1_000));`,
);
const CONFIG = labFile('quick/chatosbot.config.json', JSON.stringify({ heartbeatMs: 2_000 }));
const CHATOSBOT = path.join(commandFolder(), 'chatosbot');

let network: CutNetwork | undefined;
afterAll(async () => {
  await endCommands();
  network?.remove();
});

function startOn(machine: Machine, args: readonly string[], options: Options = {}): Command {
  const program = [...network!.on(machine), CHATOSBOT, ...args, '--config', CONFIG];
  return startProgram('ip', program, { env: { NODE_OPTIONS: `--require ${QUICK_PROBES}` }, ...options });
}

/** What the sender does once the link is dead. */
const SENDERS = {
  'line by line': (sender: Command) => {
    const timer = setInterval(() => sender.type('line\n'), 100);
    void sender.ended.then(() => clearInterval(timer));
  },
  'more than buffers hold': (sender: Command) => void sender.stdin.write(Buffer.alloc(32 * 1024 * 1024)),
} satisfies Record<string, (sender: Command) => void>;

interface Case {
  readonly name: string;
  readonly from: Machine;
  readonly to: Machine;
  readonly go: (sender: Command) => void;
  /** Of both commands. @default none, and 75 */
  readonly verify?: boolean;
}

const CASES: readonly Case[] = [
  ...Object.entries(SENDERS).flatMap<Case>(([what, go]) => [
    { name: `the far machine sends ${what}`, from: 'far', to: 'near', go },
    { name: `the far machine is sent ${what}`, from: 'near', to: 'far', go },
  ]),
  // Nobody sends: the sides are alike.
  { name: 'nobody sends any longer', from: 'near', to: 'far', go: () => undefined },
  { name: 'with --verify', from: 'near', to: 'far', go: SENDERS['line by line'], verify: true },
];

it('[P14] a dead link breaks every private connection over it, on both sides, whatever is unacknowledged', async ({
  skip,
}) => {
  const why = whyNoNamespaces();
  skip(why !== undefined, why);
  network = new CutNetwork();
  const at = `${network.address('server')}:7777`;
  const server = startOn('server', ['serve', '--listen', at]);
  await server.line(/listening/);
  const running = await Promise.all(
    CASES.map(async ({ name, from, to, go, verify }, index) => {
      const login = `listener-${index}`;
      const both = ['--server', at, ...(verify ? ['--verify'] : [])];
      const listener = startOn(to, ['pipe', '--listen', '--login', login, ...both]);
      await listener.line(/waiting/);
      const pipe = ['pipe', login, '--login', `sender-${index}`, ...both];
      const sender = startOn(from, pipe, { input: 'open' });
      sender.type('alive\n');
      await listener.line(/alive/, 'stdout');
      return { name, go, sender, listener };
    }),
  );
  await vi.waitFor(() => expect(network!.awaitsAcknowledgement('server')).toBe(false), { interval: 10 });
  network.cut();
  for (const { sender, go } of running) go(sender);
  const ends = running.map(async ({ name, sender, listener }) => {
    const [sent, received] = await Promise.all([sender.exit(), listener.exit()]);
    return [name, sent.status, received.status];
  });
  expect(await Promise.all(ends)).toEqual(CASES.map(({ name, verify }) => (verify ? [name, 65, 65] : [name, 75, 75])));
  for (let ended = 0; ended < CASES.length; ended += 1) await server.line(/private connection ended/);
});
