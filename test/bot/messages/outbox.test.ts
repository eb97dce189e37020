import { getEventListeners } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_FLOOD_LIMITS, resolveFloodLimits, type FloodLimits } from '../../../src/bot/messages/flood-limits.ts';
import { Outbox } from '../../../src/bot/messages/outbox.ts';
import type { ChatosError } from '../../../src/errors.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { heapBytes } from '../../support/heap.ts';

interface Sent {
  readonly at: number;
  readonly to: string | undefined;
  readonly text: string;
}

function outboxOn(limits: Partial<FloodLimits> | false = {}) {
  const clock = new FakeClock('2025-06-01T10:00:00Z');
  const start = clock.now().getTime();
  const sent: Sent[] = [];
  const wire = {
    connected: true,
    slowed: false,
    broken: false,
    say: (text: string) => wire.send(undefined, text),
    tell: (to: string, text: string) => wire.send(to, text),
    send(to: string | undefined, text: string): Promise<void> {
      if (wire.broken) return Promise.reject(new Error('broken'));
      sent.push({ at: clock.now().getTime() - start, to, text });
      return Promise.resolve();
    },
  };
  const outbox = new Outbox(wire, resolveFloodLimits(limits), clock);
  /** Sends, and keeps how it ended. */
  const results: string[] = [];
  const send = (to: string | undefined, ...texts: string[]): void => {
    outbox.send(to, texts).then(
      () => results.push('sent'),
      (error: ChatosError) => results.push(error.code ?? error.message),
    );
  };
  const texts = (to?: string): string[] => sent.filter((each) => each.to === to).map(({ text }) => text);
  return { clock, sent, wire, outbox, send, results, texts };
}

const settle = (): Promise<void> => new Promise(setImmediate);
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

describe('Outbox', () => {
  it('leaves nothing at the signal of what was sent, at once or later', async () => {
    const { clock, outbox } = outboxOn({ perPeer: { burst: 1, perSecond: 1 } });
    const { signal } = new AbortController();
    const sending = outbox.send('alice', ['one', 'two'], { signal });
    clock.advance(1_000);
    await sending;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('sends a burst at once, and then so many a second, in order', () => {
    const { clock, send, sent } = outboxOn({ perPeer: { burst: 3, perSecond: 2 } });
    for (const text of numbers(7)) send('alice', text);
    clock.advance(10_000);
    expect(sent.map(({ at, text }) => [at, text])).toEqual([
      [0, '0'],
      [0, '1'],
      [0, '2'],
      [500, '3'],
      [1000, '4'],
      [1500, '5'],
      [2000, '6'],
    ]);
  });

  it('does not send what is given up by its signal before its turn', async () => {
    const { clock, outbox, texts } = outboxOn({ perPeer: { burst: 1, perSecond: 1 } });
    const controller = new AbortController();
    const first = outbox.send('alice', ['one']);
    const second = outbox.send('alice', ['two', 'three'], { signal: controller.signal });
    const third = outbox.send('alice', ['four']);
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(outbox.send('alice', ['five'], { signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    clock.advance(5_000);
    await Promise.all([first, third]);
    expect(texts('alice')).toEqual(['one', 'four']);
    expect(outbox.counts.waiting).toBe(0);
  });

  it('says how many messages are too many, though none waits before', async () => {
    const { outbox } = outboxOn({ perPeer: { burst: 1, perSecond: 1 }, maxQueuedMessages: 3 });
    await expect(outbox.send('alice', numbers(17_000))).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      message: '16999 messages would have to wait, behind 0: at most 3 may',
      fields: { waiting: 0, maxQueuedMessages: 3 },
    });
  });

  it('holds everything back while the server slows the client, within its bounds', async () => {
    const { clock, wire, outbox, send, sent, results } = outboxOn({ maxQueuedMessages: 3, queueTimeoutMs: 5_000 });
    wire.slowed = true;
    for (const text of numbers(4)) send('alice', text);
    await settle();
    expect(sent).toEqual([]);
    expect(results).toEqual(['QUEUE_FULL']);
    wire.slowed = false;
    outbox.connected();
    await settle();
    expect(sent.map(({ text }) => text)).toEqual(['0', '1', '2']);
    wire.slowed = true;
    const late = outbox.send('bob', ['late']).catch(String);
    clock.advance(5_000);
    expect(await late).toContain('dropped after 5 s: the server slows this client');
  });

  it('takes an empty login for one that nobody has, not for everyone', () => {
    const { send, sent } = outboxOn();
    send('', 'secret');
    send(undefined, 'public');
    send('', 'another secret');
    expect(sent.map(({ to, text }) => [to, text])).toEqual([
      ['', 'secret'],
      [undefined, 'public'],
      ['', 'another secret'],
    ]);
  });

  it('does not let what waits for one peer hold up another', () => {
    const { send, texts } = outboxOn({ perPeer: { burst: 1, perSecond: 1 } });
    for (const text of numbers(5)) send('alice', text);
    send('bob', 'hello');
    send(undefined, 'everyone');
    expect(texts('bob')).toEqual(['hello']);
    expect(texts()).toEqual(['everyone']);
    expect(texts('alice')).toEqual(['0']);
  });

  it('gives what the limit on all together leaves to those that wait, in turn', () => {
    const { clock, send, sent } = outboxOn({
      total: { burst: 1, perSecond: 1 },
      perPeer: { burst: 10, perSecond: 10 },
    });
    for (const text of numbers(4)) send('alice', text);
    for (const text of numbers(2)) send('bob', text);
    for (let second = 1; second <= 8; second += 1) {
      clock.advance(999);
      // Newcomers do not take the place of those that wait.
      send(`peer ${second}`, 'me first');
      clock.advance(1);
    }
    clock.advance(10_000);
    const waited = sent.filter(({ text }) => text !== 'me first');
    expect(waited.map(({ to, text }) => `${to} ${text}`)).toEqual([
      'alice 0',
      'alice 1',
      'bob 0',
      'alice 2',
      'bob 1',
      'alice 3',
    ]);
  });

  it('keeps the parts of a text together', () => {
    const { clock, send, texts } = outboxOn({ perPeer: { burst: 1, perSecond: 10 } });
    send('alice', 'a1', 'a2', 'a3');
    send('alice', 'b1', 'b2');
    clock.advance(5_000);
    expect(texts('alice')).toEqual(['a1', 'a2', 'a3', 'b1', 'b2']);
  });

  it('takes no more than may wait, and of a text all or nothing', async () => {
    const { send, results, outbox, texts, clock } = outboxOn({
      perPeer: { burst: 1, perSecond: 1 },
      maxQueuedMessages: 3,
    });
    send('alice', '0', '1', '2');
    send('alice', '3', '4');
    await settle();
    expect(results).toEqual(['QUEUE_FULL']);
    expect(outbox.counts).toMatchObject({ waiting: 2, dropped: 2 });
    send('bob', '0', '1', '2');
    send('carol', 'x');
    clock.advance(10_000);
    await settle();
    expect(texts('alice')).toEqual(['0', '1', '2']);
    expect(texts('bob')).toEqual([]);
    expect(texts('carol')).toEqual(['x']);
    expect(outbox.counts).toMatchObject({ waiting: 0, dropped: 5, sent: 4 });
  });

  it('gives up what waits too long, and says why', async () => {
    const { clock, outbox, wire } = outboxOn({ perPeer: { burst: 1, perSecond: 0.01 }, queueTimeoutMs: 2_000 });
    await outbox.send('alice', ['0']);
    const flooded = outbox.send('alice', ['1']);
    clock.advance(2_000);
    await expect(flooded).rejects.toThrow('a message was dropped after 2 s: the flood limits held it back');
    wire.connected = false;
    const offline = outbox.send('bob', ['2']);
    clock.advance(2_000);
    await expect(offline).rejects.toMatchObject({ code: 'TIMED_OUT', message: /no connection to the server/ });
    expect(clock.pending).toBe(0);
  });

  it('holds messages while there is no connection, and sends them in order when it is back', () => {
    const { clock, send, wire, outbox, texts } = outboxOn();
    wire.connected = false;
    for (const text of numbers(5)) send('alice', text);
    send(undefined, 'hello');
    clock.advance(20_000);
    expect(texts('alice')).toEqual([]);
    wire.connected = true;
    outbox.connected();
    expect(texts('alice')).toEqual(numbers(5));
    expect(texts()).toEqual(['hello']);
    expect(clock.pending).toBe(0);
  });

  it('is empty when the last has left', async () => {
    const { clock, send, outbox } = outboxOn({ perPeer: { burst: 1, perSecond: 1 } });
    await outbox.emptied();
    for (const text of numbers(3)) send('alice', text);
    let empty = false;
    void outbox.emptied().then(() => (empty = true));
    clock.advance(1_999);
    await settle();
    expect(empty).toBe(false);
    clock.advance(1);
    await settle();
    expect(empty).toBe(true);
  });

  it('gives everything up when it is closed', async () => {
    const { clock, send, outbox, results, texts } = outboxOn({ perPeer: { burst: 1, perSecond: 1 } });
    for (const text of numbers(3)) send('alice', text);
    outbox.close();
    send('bob', 'later');
    outbox.connected();
    await settle();
    expect(results.toSorted()).toEqual(['ABORTED', 'ABORTED', 'ABORTED', 'sent']);
    expect(texts('bob')).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('counts what the wire did not take, and passes on why', async () => {
    const { outbox, wire } = outboxOn();
    wire.broken = true;
    await expect(outbox.send('alice', ['x'])).rejects.toThrow('broken');
    expect(outbox.counts).toMatchObject({ sent: 0, dropped: 1 });
  });

  it('sends no more of a text when a part of it was lost', async () => {
    const { clock, outbox, wire, texts } = outboxOn({ perPeer: { burst: 1, perSecond: 1 } });
    wire.broken = true;
    const sending = outbox.send('alice', ['one', 'two', 'three']);
    await expect(sending).rejects.toThrow('broken');
    wire.broken = false;
    clock.advance(5_000);
    expect(texts('alice')).toEqual([]);
    expect(outbox.counts).toEqual({ sent: 0, waiting: 0, dropped: 3 });
  });

  it('sends as fast as possible without limits', () => {
    const { send, sent } = outboxOn(false);
    send('alice', ...numbers(5_000));
    expect(sent).toHaveLength(5_000);
  });

  it('waits quietly, also where the next turn is years away', () => {
    const { clock, send } = outboxOn({ perPeer: { burst: 1, perSecond: 1e-9 }, queueTimeoutMs: Infinity });
    send('alice', '0');
    send('alice', '1');
    expect(clock.waits).toEqual([2 ** 31 - 1]);
  });

  it.each<[string, object, string]>([
    ['a burst under one', { perPeer: { burst: 0.5, perSecond: 1 } }, 'perPeer: burst: expected a number, 1 or more'],
    ['a rate of nothing', { total: { burst: 1, perSecond: 0 } }, 'total: perSecond: expected a number, 1e-9 or more'],
    ['no number', { queueTimeoutMs: NaN }, 'queueTimeoutMs: expected milliseconds, 1 to'],
    ['less than a message', { maxQueuedMessages: 0 }, 'maxQueuedMessages: expected a whole number, 1 or more, found 0'],
    ['a misspelt key', { perPear: {} }, "unknown key 'perPear'; did you mean 'perPeer'?"],
  ])('turns down %s', (_, limits, message) =>
    expect(() => resolveFloodLimits(limits)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`flood limits: ${message}`) as string,
      }),
    ),
  );

  it('takes undefined for what is not given', () =>
    expect(resolveFloodLimits({ perPeer: undefined })).toEqual(DEFAULT_FLOOD_LIMITS));
});

describe('Outbox, with more than a thousand destinations', () => {
  const others = (send: (to: string, text: string) => void): void => {
    for (let i = 0; i < 1_100; i += 1) send(`peer ${i}`, 'hello');
  };

  it('keeps to the limit of each all the same', () => {
    const { send, texts } = outboxOn({ perPeer: { burst: 2, perSecond: 1 }, total: { burst: 5_000, perSecond: 1 } });
    send('alice', 'one');
    send('alice', 'two');
    others(send);
    send('alice', 'three');
    expect(texts('alice')).toEqual(['one', 'two']);
  });

  it('loses nothing that waits', () => {
    const limits = {
      perPeer: { burst: 1, perSecond: 1 },
      total: { burst: 5_000, perSecond: 1 },
      maxQueuedMessages: 5_000,
    };
    const { wire, outbox, send, sent } = outboxOn(limits);
    wire.connected = false;
    send('alice', 'one');
    others(send);
    wire.connected = true;
    outbox.connected();
    expect(sent).toHaveLength(1_101);
  });

  it('forgets those to which it could send at once again', async () => {
    const { clock, outbox, sent } = outboxOn();
    const say = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i += 1) {
        if (i % 50 === 0) clock.advance(1_000);
        await outbox.send(`peer ${i}`, ['hello']);
      }
    };
    await say(0, 2_000);
    const before = await heapBytes();
    await say(2_000, 22_000);
    sent.length = 0;
    expect(await heapBytes(before + 2 * 1024 * 1024)).toBeLessThan(before + 2 * 1024 * 1024);
  });
});

it('the outbox sends a burst in each millisecond where the rate is infinite', () => {
  const { clock, send, sent } = outboxOn({ perPeer: { burst: 2, perSecond: Infinity } });
  for (const text of numbers(5)) send('alice', text);
  clock.advance(10);
  expect(sent.map(({ at }) => at)).toEqual([0, 0, 1, 1, 2]);
});

/** Whether in every window no more went than the burst and what the rate adds: counted naively, pair by pair. */
function keepsTo({ burst, perSecond }: { burst: number; perSecond: number }, times: readonly number[]): boolean {
  return times.every((from, i) =>
    times.slice(i).every((to, more) => more + 1 <= burst + ((to - from) / 1000) * perSecond + 1e-3),
  );
}

describe('Outbox, whatever is said when', () => {
  const rate = fc.record({
    burst: fc.integer({ min: 1, max: 8 }),
    perSecond: fc.double({ min: 0.3, max: 20, noNaN: true }),
  });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ say: fc.nat(3), parts: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 3, arbitrary: fc.record({ waitMs: fc.nat(3_000) }) },
    { weight: 1, arbitrary: fc.record({ connected: fc.boolean() }) },
  );

  it('keeps the order of each destination, and to the limits; each text is sent or given up', async () => {
    await fc.assert(
      fc.asyncProperty(
        rate,
        rate,
        fc.integer({ min: 3, max: 30 }),
        fc.array(step, { maxLength: 60 }),
        async (perPeer, total, maxQueuedMessages, steps) => {
          const limits = { perPeer, total, maxQueuedMessages, queueTimeoutMs: 5_000 };
          const { clock, sent, wire, outbox, send, results } = outboxOn(limits);
          const said = new Map<string, number>();
          let asked = 0;
          for (const each of steps) {
            if ('say' in each) {
              const to = `peer ${each.say}`;
              const first = said.get(to) ?? 0;
              said.set(to, first + each.parts);
              asked += 1;
              send(to, ...numbers(each.parts).map((part) => `${first + Number(part)}`));
            } else if ('waitMs' in each) {
              clock.advance(each.waitMs);
            } else {
              wire.connected = each.connected;
              if (each.connected) outbox.connected();
            }
            expect(outbox.counts.waiting).toBeLessThanOrEqual(maxQueuedMessages);
          }
          wire.connected = true;
          outbox.connected();
          clock.advance(60_000);
          await settle();
          expect(results).toHaveLength(asked);
          expect(results.filter((result) => !['sent', 'TIMED_OUT', 'QUEUE_FULL'].includes(result))).toEqual([]);
          expect(outbox.counts.waiting).toBe(0);
          expect(clock.pending).toBe(0);
          expect(
            keepsTo(
              total,
              sent.map(({ at }) => at),
            ),
          ).toBe(true);
          for (const to of said.keys()) {
            const own = sent.filter((each) => each.to === to);
            expect(
              keepsTo(
                perPeer,
                own.map(({ at }) => at),
              ),
            ).toBe(true);
            const order = own.map(({ text }) => Number(text));
            expect(order).toEqual(order.toSorted((a, b) => a - b));
            expect(new Set(order).size).toBe(order.length);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
