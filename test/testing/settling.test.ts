import { getEventListeners } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Activity } from '../../src/bot/running/activity.ts';
import { settle, settleWithin, type Party } from '../../src/testing/settle.ts';

/**
 * A server and its clients, as slow as they may be: what a party has sent arrives, and what the server has for it is
 * received, when the party synchronises, and not before; the latter first.
 */
class SlowWorld {
  readonly parties: SlowParty[] = [];
  readonly activity = { begun: 0, idle: () => Promise.resolve() } as Activity;
  privateConnections = (): number => 0;

  /** @param next whom it writes to when it is written to */
  party(isBot: boolean, next?: () => SlowParty): SlowParty {
    const party = new SlowParty(isBot, (text) => {
      if (isBot) (this.activity as { begun: number }).begun += 1;
      if (next) party.send(next(), text);
    });
    this.parties.push(party);
    return party;
  }
}

class SlowParty implements Party {
  readonly received: string[] = [];
  readonly #atServer: string[] = [];
  readonly #sent: { to: SlowParty; text: string }[] = [];

  readonly isBot: boolean;
  readonly #onMessage: (text: string) => void;

  constructor(isBot: boolean, onMessage: (text: string) => void) {
    this.isBot = isBot;
    this.#onMessage = onMessage;
  }

  send(to: SlowParty, text: string): void {
    this.#sent.push({ to, text });
  }

  reachable = (): boolean => true;
  runningBots = (): readonly string[] => [];
  traffic = (): string => '';

  synchronise(): Promise<void> {
    const sent = this.#sent.splice(0);
    for (const text of this.#atServer.splice(0)) {
      this.received.push(text);
      this.#onMessage(text);
    }
    for (const { to, text } of sent) to.#atServer.push(text);
    return Promise.resolve();
  }
}

test('it leaves nothing at the signal that would end it', async () => {
  const { signal } = new AbortController();
  await settle(new SlowWorld(), signal);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('it leaves no time limit behind', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await settleWithin(1_000, new SlowWorld());
  expect(vi.getTimerCount()).toBe(0);
});

test('what a user has said, and the answer, arrive before the world has settled', async () => {
  const world = new SlowWorld();
  const user = world.party(false);
  const bot = world.party(true, () => user);
  user.send(bot, 'hello');
  await settle(world, new AbortController().signal);
  expect({ bot: bot.received, user: user.received }).toEqual({ bot: ['hello'], user: ['hello'] });
});

test('a message goes through a chain of bots to its end, in whichever order they receive', async () => {
  for (const backwards of [true, false]) {
    const world = new SlowWorld();
    const user = world.party(false);
    const chain: SlowParty[] = [];
    for (let link = 0; link < 5; link++) chain.push(world.party(true, () => chain[link + 1] ?? user));
    if (backwards) world.parties.reverse();
    user.send(chain[0]!, 'pass it on');
    await settle(world, new AbortController().signal);
    expect([...chain, user].map(({ received }) => received)).toEqual([...chain, user].map(() => ['pass it on']));
  }
});

test('what one user says to another arrives, too', async () => {
  const world = new SlowWorld();
  const [alice, bob] = [world.party(false), world.party(false)];
  bob.send(alice, 'hello');
  await settle(world, new AbortController().signal);
  expect(alice.received).toEqual(['hello']);
});

test('what a bot says by itself arrives at other bots, and their answers at users', async () => {
  const world = new SlowWorld();
  const user = world.party(false);
  const answering = world.party(true, () => user);
  const speaking = world.party(true);
  speaking.send(answering, 'news');
  await settle(world, new AbortController().signal);
  expect({ bot: answering.received, user: user.received }).toEqual({ bot: ['news'], user: ['news'] });
});
