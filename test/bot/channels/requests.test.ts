import { describe, expect, it } from 'vitest';
import type { IncomingRequest } from '../../../src/bot/plugin/context.ts';
import type { BotPlugin } from '../../../src/bot/plugin/plugin.ts';
import type { PolicyOptions } from '../../../src/policy/policy.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { expectRefusal, joinAs, plugin, startBot, startBots, startServer, WIDTHS } from '../../support/bot-world.ts';
import { openHalf, readAll } from '../../support/rfc-peer.ts';

type Decide = NonNullable<BotPlugin['onPrivateRequest']>;

const onChannel: NonNullable<BotPlugin['onChannel']> = (channel) => void channel.end(`for ${channel.peer}`);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function world(hooks: BotPlugin, policy: PolicyOptions = {}, width: 4 | 8 = 4) {
  const server = await startServer(width);
  const { log } = await startBot(server, hooks, { policy });
  /** What becomes of a request of somebody. */
  const ask = async (login: string): Promise<'accepted' | 'refused'> => {
    const peer = await joinAs(server, login);
    peer.request('bot');
    const answer = await peer.next();
    if (answer.op === 7) return 'refused';
    if (answer.op !== 8) throw new Error(`packet ${answer.op} is no answer`);
    const half = await openHalf(server.port, answer.connectId, { longBytes: width });
    half.end();
    const text = (await readAll(half)).toString();
    if (text !== `for ${login}`) throw new Error(`the channel says '${text}'`);
    return 'accepted';
  };
  return { server, log, ask };
}

describe.each(WIDTHS)('onPrivateRequest, LONG of %i bytes', (width) => {
  it.each<[string, Decide]>([
    ['returns true', () => true],
    [
      'resolves to true',
      async () => {
        await turn();
        return true;
      },
    ],
    ['calls accept', (request) => request.accept()],
    [
      'calls accept after an await',
      async (request) => {
        await turn();
        request.accept();
      },
    ],
    [
      'calls accept and goes on working',
      (request) => {
        request.accept();
        return new Promise(() => undefined);
      },
    ],
    [
      'calls accept and throws later',
      async (request) => {
        request.accept();
        await turn();
        throw new Error('late');
      },
    ],
    [
      'calls accept first and refuse then',
      (request) => {
        request.accept();
        request.refuse();
      },
    ],
    [
      'calls accept and returns false',
      (request) => {
        request.accept();
        return false;
      },
    ],
  ])('accepts where it %s', async (_, onPrivateRequest) => {
    const { ask } = await world({ onPrivateRequest, onChannel }, {}, width);
    expect(await ask('alice')).toBe('accepted');
  });

  it.each<[string, Decide]>([
    ['returns false', () => false],
    ['returns nothing', () => undefined],
    [
      'resolves to false',
      async () => {
        await turn();
        return false;
      },
    ],
    ['resolves to nothing', async () => turn()],
    ['returns something true that is not true', () => 'yes' as unknown as boolean],
    ['calls refuse', (request) => request.refuse()],
    [
      'calls refuse and returns true',
      (request) => {
        request.refuse();
        return true;
      },
    ],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('refuses where it %s', async (_, onPrivateRequest) => {
    const { ask } = await world({ onPrivateRequest, onChannel }, {}, width);
    expect(await ask('alice')).toBe('refused');
  });
});

describe('private requests', () => {
  it('tells who asks', async () => {
    const asked: IncomingRequest[] = [];
    const { ask } = await world({
      onPrivateRequest: (request) => void asked.push(request),
      onChannel,
    });
    expect(await ask('alice')).toBe('refused');
    expect(asked.map(({ from }) => from)).toEqual(['alice']);
  });

  it('are refused where the plugin has no onPrivateRequest and nothing is configured', async () => {
    const { log, ask } = await world({ onChannel });
    expect(await ask('alice')).toBe('refused');
    expect(await log.until(/refused/)).toMatchObject({
      fields: {
        peer: 'alice',
        bot: 'bot',
        rule: 'default ask',
        reason: expect.stringContaining('no onPrivateRequest'),
      },
    });
  });

  it.each([{}, { default: 'accept' as const }, { allow: ['*'] }])(
    'are refused where no plugin has onChannel, whatever the policy (%j)',
    async (policy) => {
      const { ask } = await world({ onPrivateRequest: () => true }, policy);
      expect(await ask('alice')).toBe('refused');
    },
  );

  it('are decided one by one: a slow decision keeps nobody else waiting', async () => {
    const { server, ask } = await world({
      onPrivateRequest: ({ from }) => (from === 'slow' ? new Promise<boolean>(() => undefined) : true),
      onChannel,
    });
    (await joinAs(server, 'slow')).request('bot');
    expect(await ask('alice')).toBe('accepted');
  });
});

describe('the time for a decision', () => {
  it('is 50 s for all plugins together, and a refusal when it is over', async () => {
    const server = await startServer();
    const clock = new FakeClock('2026-03-03T09:00:00Z');
    const asked: string[] = [];
    const slow = (name: string): BotPlugin => ({
      onChannel,
      onPrivateRequest: () => new Promise(() => asked.push(name)),
    });
    const specs = ['one', 'two'].map((name) => ({ plugin: plugin(name, slow(name)), login: 'bot' }));
    const { log } = await startBots(server, specs, { clock });
    const alice = await joinAs(server, 'alice');
    alice.request('bot');
    await expect.poll(() => asked).toEqual(['one']);
    clock.advance(49_999);
    await turn();
    expect(asked).toEqual(['one']);
    clock.advance(1);
    await expect.poll(() => asked).toEqual(['one', 'two']);
    clock.advance(0);
    expect((await alice.next()).op).toBe(7);
    expect(log.about(/took too long to decide/)).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer behind where it was enough', async () => {
    const server = await startServer();
    const clock = new FakeClock('2026-03-03T09:00:00Z');
    await startBot(server, { onChannel, onPrivateRequest: () => false }, { clock });
    const alice = await joinAs(server, 'alice');
    await expectRefusal(alice);
    expect(clock.pending).toBe(0);
  });
});

describe('private requests and the policy', () => {
  const never: Decide = () => {
    throw new Error('it was asked');
  };

  it('accepts whom allow names, without asking the plugin', async () => {
    const { log, ask } = await world({ onPrivateRequest: never, onChannel }, { allow: ['al*'] });
    expect(await ask('alice')).toBe('accepted');
    expect(log.about(/asked/)).toEqual([]);
  });

  it('needs no onPrivateRequest to accept', async () => {
    const { ask } = await world({ onChannel }, { default: 'accept' });
    expect(await ask('alice')).toBe('accepted');
  });

  it('refuses whom deny names, without asking, with the rule in the log', async () => {
    const { log, ask } = await world({ onPrivateRequest: never, onChannel }, { allow: ['*'], deny: ['mal*'] });
    expect(await ask('mallory')).toBe('refused');
    expect(log.about(/asked/)).toEqual([]);
    expect(await log.until(/refused/)).toMatchObject({
      fields: { peer: 'mallory', bot: 'bot', rule: 'deny "mal*"', reason: 'mallory matches "mal*" in deny' },
    });
  });

  it('refuses everybody else where the default is refuse', async () => {
    const { log, ask } = await world({ onPrivateRequest: never, onChannel }, { default: 'refuse', allow: ['alice'] });
    expect(await ask('carol')).toBe('refused');
    expect(await ask('alice')).toBe('accepted');
    expect(log.about(/asked/)).toEqual([]);
  });

  it('asks the plugin about everybody else where the default is ask', async () => {
    const { ask } = await world(
      { onPrivateRequest: ({ from }) => from === 'carol', onChannel },
      { allow: ['alice'], deny: ['mallory'] },
    );
    expect(await ask('carol')).toBe('accepted');
    expect(await ask('dave')).toBe('refused');
    expect(await ask('alice')).toBe('accepted');
  });
});
