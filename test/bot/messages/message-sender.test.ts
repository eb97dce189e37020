import { describe, expect, it } from 'vitest';
import type { Context } from '../../../src/bot/plugin/context.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { startProxy } from '../../support/bot-proxy.ts';
import { joinAs, plugin, signalled, startBot, startBots, startServer } from '../../support/bot-world.ts';
import type { RfcPeer } from '../../support/rfc-peer.ts';

const START = '2025-06-01T10:00:00Z';
const LONG_MS = 60_000;

const told = async (peer: RfcPeer, count: number): Promise<string[]> => {
  const texts: string[] = [];
  for (let i = 0; i < count; i += 1) texts.push((await peer.next(4)).msg);
  return texts;
};
const words = (letter: string): string => Array.from({ length: 600 }, (_, i) => `${letter}${i}`).join(' ');

describe('what a bot says', () => {
  it('comes in order, long texts in one piece, however it is awaited', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    await startBot(server, {
      onStart(ctx) {
        void ctx.tell('alice', words('a'));
        void ctx.tell('alice', words('b'));
        void ctx.tell('alice', 'last');
      },
    });
    const texts: string[] = [];
    while (texts.at(-1) !== 'last') texts.push((await alice.next(4)).msg);
    expect(texts.length).toBeGreaterThan(5);
    expect(texts.join(' ')).toBe(`${words('a')} ${words('b')} last`);
  });

  it('in onStop still goes out, also where it is long, awaits its turn and is not awaited', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const { runtime } = await startBot(
      server,
      {
        onStop(ctx) {
          void ctx.tell('alice', words('a'));
          void ctx.tell('alice', 'goodbye');
        },
      },
      { flood: { perPeer: { burst: 1, perSecond: 50 } } },
    );
    await runtime.stop({ timeoutMs: LONG_MS });
    const texts: string[] = [];
    while (texts.at(-1) !== 'goodbye') texts.push((await alice.next(4)).msg);
    expect(texts.join(' ')).toBe(`${words('a')} goodbye`);
  });

  it('is held to the flood limits on the clock, for one peer and not for others', async () => {
    const server = await startServer();
    const clock = new FakeClock(START);
    const [alice, bob] = [await joinAs(server, 'alice'), await joinAs(server, 'bob')];
    const { runtime } = await startBot(
      server,
      {
        onStart(ctx) {
          for (let i = 0; i < 30; i += 1) void ctx.tell('alice', `${i}`);
          void ctx.tell('bob', 'hello');
        },
      },
      { clock },
    );
    expect(await told(alice, 20)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    expect(await told(bob, 1)).toEqual(['hello']);
    expect(runtime.status.accounts[0]!.messages).toMatchObject({ sent: 21, waiting: 10 });
    clock.advance(1_000);
    expect(await told(alice, 5)).toEqual(['20', '21', '22', '23', '24']);
    clock.advance(1_000);
    expect(await told(alice, 5)).toEqual(['25', '26', '27', '28', '29']);
  });

  it('waits for a lost connection, and then leaves in order', async () => {
    const server = await startServer();
    const proxy = await startProxy(server);
    const alice = await joinAs(server, 'alice');
    const started = signalled<Context>();
    const { runtime, log } = await startBots(proxy.address, [{ plugin: plugin('bot', { onStart: started.resolve }) }]);
    const ctx = await started.promise;
    await proxy.cutSessions();
    await log.until(/retrying/);
    const sent = Promise.all(['one', 'two', 'three'].map((text) => ctx.tell('alice', text)));
    expect(runtime.status.accounts[0]).toMatchObject({ state: 'connecting', messages: { waiting: 3 } });
    expect(await told(alice, 3)).toEqual(['one', 'two', 'three']);
    await sent;
    expect(runtime.status.accounts[0]).toMatchObject({ state: 'connected', messages: { waiting: 0, sent: 3 } });
  });

  it.each<[string, (ctx: Context) => Promise<unknown>]>([
    ['tell to nobody', (ctx) => ctx.tell(undefined as never, 'secret')],
    ['ask of nobody', (ctx) => ctx.ask(null as never, 'secret?')],
    ['request to nobody', (ctx) => ctx.request(undefined as never)],
    ['say of no text', (ctx) => ctx.say(5 as never)],
  ])('is never more than was meant: %s is refused, and nobody hears it', async (_, speak) => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const started = signalled<Context>();
    await startBot(server, { onStart: started.resolve });
    const ctx = await started.promise;
    await expect(speak(ctx)).rejects.toThrow(/^the (login|text) must be a string, not (undefined|null|number)$/);
    await ctx.say('over');
    expect((await alice.next(3)).msg).toBe('over');
  });

  it('rejects with ABORTED once the bot has stopped', async () => {
    const server = await startServer();
    const started = signalled<Context>();
    const { runtime } = await startBot(server, { onStart: started.resolve });
    const ctx = await started.promise;
    await runtime.stop();
    await expect(ctx.say('too late')).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('does not hold up the stop where it cannot leave in time', async () => {
    const server = await startServer();
    const results: string[] = [];
    const { runtime } = await startBot(
      server,
      {
        onStart(ctx) {
          for (let i = 0; i < 3; i += 1) {
            ctx.say(`${i}`).then(
              () => results.push('sent'),
              (error: { code: string }) => results.push(error.code),
            );
          }
        },
      },
      { flood: { perPeer: { burst: 1, perSecond: 0.001 } }, clock: new FakeClock(START) },
    );
    await runtime.stop({ timeoutMs: 50 });
    await expect.poll(() => results).toEqual(['sent', 'ABORTED', 'ABORTED']);
  });
});
