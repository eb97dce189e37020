import { describe, expect, it } from 'vitest';
import type { ChannelLedger } from '../../../src/bot/channels/channel-ledger.ts';
import type { Context } from '../../../src/bot/plugin/context.ts';
import type { Channel } from '../../../src/client/channel.ts';
import { endOf, expectRefusal, joinAs, signalled, startBot, startServer } from '../../support/bot-world.ts';
import { openHalf } from '../../support/rfc-peer.ts';

/** What counts is in another thread, which does not answer. */
const gone = (): Promise<never> => Promise.reject(new Error('the thread has ended'));
const host = { ledger: { admit: gone, adopt: gone } satisfies ChannelLedger };

describe('private connections that cannot be counted', () => {
  it('are refused where a peer asks, with a line in the log', async () => {
    const server = await startServer();
    const { log } = await startBot(server, { onChannel: () => undefined, onPrivateRequest: () => true }, { host });
    const alice = await joinAs(server, 'alice');
    await expectRefusal(alice);
    expect(await log.until(/refused, as it cannot be decided: the thread has ended/)).toMatchObject({
      level: 'error',
      fields: { peer: 'alice' },
    });
    // It goes on.
    await expectRefusal(alice);
  });

  it('are broken off where the bot asked, with a line in the log', async () => {
    const server = await startServer();
    const alice = await joinAs(server, 'alice');
    const opened = signalled<Channel>();
    const onStart = async (bot: Context): Promise<void> => opened.resolve(await bot.request('alice'));
    const { log } = await startBot(server, { onStart }, { host });
    await alice.next(5);
    alice.ok('bot');
    const half = await openHalf(server.port, (await alice.next(8)).connectId);
    await endOf(half);
    expect((await opened.promise).destroyed).toBe(true);
    expect(await log.until(/broken off, as it cannot be limited: the thread has ended/)).toMatchObject({
      level: 'error',
      fields: { peer: 'alice', bot: 'bot' },
    });
  });
});
