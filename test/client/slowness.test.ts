import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientOptions } from '../../src/client/index.ts';
import { RoundTrips } from '../../src/client/round-trips.ts';
import { Slowness, type Question } from '../../src/client/slowness.ts';
import { FakeServer } from '../support/fake-server.ts';
import { packet, str } from '../support/rfc-peer.ts';
import { createClient, next } from './real-server.ts';

const TEXT = 'x'.repeat(1_000);
/** More than the system takes for a server that does not read. */
const MANY = 12_000;

async function logIn(options: Partial<ClientOptions> = {}) {
  const fake = await FakeServer.listen();
  const client = createClient({ server: fake.address, login: 'alice', ...options });
  const happened: string[] = [];
  for (const event of ['slowed', 'resumed', 'disconnected'] as const) client.on(event, () => happened.push(event));
  const [connection] = await Promise.all([fake.login(), client.start()]);
  const { socket } = connection;
  let bytes = 0;
  socket.removeAllListeners('data').on('data', (chunk: Buffer) => (bytes += chunk.length));
  return { client, socket, happened, bytes: () => bytes };
}

/** Returns what comes next, a message to oneself. */
async function answerNext(socket: Socket): Promise<void> {
  const [question] = (await once(socket, 'data')) as [Buffer];
  socket.write(question);
}

describe('a client whose server stops reading for a while [P17]', () => {
  it('says once that it is slowed, then that it is not, and everything arrives', async () => {
    const { client, socket, happened, bytes } = await logIn();
    socket.pause();
    const slowed = next(client, 'slowed');
    const sent = Array.from({ length: MANY }, () => client.say(TEXT));
    await slowed;
    expect(client.slowed).toBe(true);
    const resumed = next(client, 'resumed');
    socket.resume();
    await Promise.all(sent);
    await resumed;
    expect(client.slowed).toBe(false);
    expect(happened).toEqual(['slowed', 'resumed']);
    const size = packet(3, str('alice'), str(TEXT)).length;
    await vi.waitUntil(() => bytes() === MANY * size, 5_000);
  });

  it('says so where the system takes everything, but the server answers late', async () => {
    const { client, socket, happened } = await logIn();
    const answered = client.roundTrip();
    await answerNext(socket);
    await answered;
    for (let i = 0; i < 30; i++) void client.say('one of many');
    const late = client.roundTrip();
    late.catch(() => undefined);
    await next(client, 'slowed');
    await client.destroy();
    expect(happened).toEqual(['slowed', 'resumed', 'disconnected']);
  });

  it('is not slowed by a server that does not return messages to oneself, nor by one question', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { client, happened } = await logIn();
    client.roundTrip({ timeoutMs: Infinity }).catch(() => undefined);
    for (let i = 0; i < 30; i++) await client.say('one of many');
    vi.advanceTimersByTime(60_000);
    expect(happened).toEqual([]);
  });
});

/** A server, as somebody meets it who sends no more than 256 messages before they are answered. */
interface Server {
  /** A way there and back. */
  readonly roundTripMs: number;
  readonly messagesPerSecond: number;
  /** Whether it does nothing at this time, in ms. */
  readonly stands?: (ms: number) => boolean;
  /** How often our process is stopped, for 1,200 ms; in ms. @default never */
  readonly stopsEveryMs?: number;
}

/** What happens in so many seconds: the clock goes on by a millisecond at a time. */
function windowsTo(
  { roundTripMs, messagesPerSecond, stands, stopsEveryMs = Infinity }: Server,
  seconds: number,
): string[] {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const running = performance.now.bind(performance);
  let stoppedMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => running() + stoppedMs);
  onTestFinished(() => {
    clock.mockRestore();
    vi.useRealTimers();
  });
  const happened: string[] = [];
  const open: Question[] = [];
  const slowness = new Slowness({
    unsentBytes: () => 0,
    oldestQuestion: () => open[0],
    onSlowed: () => happened.push('slowed'),
    onResumed: () => happened.push('resumed'),
  });
  const atServer: (Question | undefined)[] = [];
  const answers: { readonly question: Question; readonly at: number }[] = [];
  let unconfirmed = 0;
  let confirming = 0;
  let credit = 0;
  for (let ms = 0; ms < seconds * 1_000; ms++, vi.advanceTimersByTime(1)) {
    if (ms % stopsEveryMs === stopsEveryMs - 1) stoppedMs += 1_200;
    while (answers[0] && answers[0].at <= ms) {
      slowness.answered(answers.shift()!.question);
      open.shift();
      unconfirmed -= confirming;
    }
    for (; unconfirmed < 256; unconfirmed++) {
      slowness.sent();
      atServer.push(undefined);
      if (open.length > 0) continue;
      confirming = unconfirmed + 1;
      open.push(slowness.ask());
      atServer.push(open[0]);
      slowness.sent();
    }
    credit = stands?.(ms) ? 0 : credit + messagesPerSecond / 1_000;
    for (; credit >= 1 && atServer.length > 0; credit--) {
      const question = atServer.shift();
      if (question) answers.push({ question, at: ms + roundTripMs });
    }
    credit = Math.min(credit, 50);
  }
  return happened;
}

describe('a client that waits for answers now and then [P17]', () => {
  it.each([
    ['bytes, 300 messages a second', { roundTripMs: 1, messagesPerSecond: 300 }],
    ['packets, 1000 messages a second', { roundTripMs: 1, messagesPerSecond: 1_000 }],
    ['bytes, and is far away', { roundTripMs: 200, messagesPerSecond: 300 }],
    ['bytes, while our process hardly runs', { roundTripMs: 1, messagesPerSecond: 300, stopsEveryMs: 1_600 }],
  ])('is slowed by a server that keeps it to a rate of %s', (_, server) => {
    expect(windowsTo(server, 5)).toEqual(['slowed']);
    expect(windowsTo(server, 60)).toEqual(['slowed']);
  });

  it.each([
    ['is far away', { roundTripMs: 200, messagesPerSecond: 50_000 }],
    ['is fast', { roundTripMs: 0, messagesPerSecond: 50_000 }],
    ['is slow', { roundTripMs: 2, messagesPerSecond: 4_000 }],
    ['is fast, while our process hardly runs', { roundTripMs: 2, messagesPerSecond: 50_000, stopsEveryMs: 1_600 }],
    [
      'is busy for a second at a time',
      { roundTripMs: 2, messagesPerSecond: 20_000, stands: (ms: number) => ms % 4_000 > 3_000 },
    ],
  ])('is not slowed by a server that %s', (_, server) => {
    expect(windowsTo(server, 60)).toEqual([]);
  });
});

/** Looks at a server whose answers and bytes the test decides on, with a clock of its own. */
function looking() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const happened: string[] = [];
  const server: { open: Question | undefined; unsentBytes: number } = { open: undefined, unsentBytes: 0 };
  const slowness = new Slowness({
    unsentBytes: () => server.unsentBytes,
    oldestQuestion: () => server.open,
    onSlowed: () => happened.push('slowed'),
    onResumed: () => happened.push('resumed'),
  });
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) slowness.sent();
  };
  const ask = (): void => {
    server.open = slowness.ask();
    send(1);
  };
  const answer = (afterMs: number): void => {
    vi.advanceTimersByTime(afterMs);
    slowness.answered(server.open!);
    server.open = undefined;
  };
  return { happened, server, send, ask, answer };
}

it.each([
  ['of many, the last', 19, 0, ['slowed']],
  ['of a few, the last', 18, 0, []],
  ['before many', 0, 18, ['slowed']],
  ['before a few', 0, 17, []],
])(
  'a client is slowed where the server stands still at the second question, %s: %i, %i -> %j',
  (_, before, after, expected) => {
    const { happened, send, ask, answer } = looking();
    send(before);
    ask();
    answer(0);
    // Who waits for the answer to this one sends no more.
    ask();
    send(after);
    vi.advanceTimersByTime(60_000);
    expect(happened).toEqual(expected);
  },
);

it.each([
  [200, ['slowed']],
  [199, []],
])('an answer is late 100 ms after twice the time of the fastest one, 50 ms: %i ms -> %j', (ms, expected) => {
  const { happened, send, ask, answer } = looking();
  ask();
  answer(50);
  for (let round = 0; round < 100; round++) {
    send(20);
    ask();
    answer(ms);
  }
  expect(happened).toEqual(expected);
});

it('a client that waits for late answers half of four seconds is slowed, until it does so less than half of one', () => {
  const { happened, send, ask, answer } = looking();
  const wait = (ms: number, ofMs: number): void => {
    for (let round = 0; round < 10; round++) {
      send(20);
      ask();
      answer(ms);
      vi.advanceTimersByTime(ofMs - ms);
    }
  };
  ask();
  answer(0);
  wait(1_999, 4_000);
  expect(happened).toEqual([]);
  wait(2_000, 4_000);
  expect(happened[0]).toBe('slowed');
  send(20);
  ask();
  answer(4_000);
  happened.length = 0;
  wait(500, 1_000);
  expect(happened).toEqual([]);
  wait(499, 1_000);
  expect(happened).toEqual(['resumed']);
});

it('a client is slowed while bytes wait for the system for more than a second, which two looks see', () => {
  const { happened, server, send } = looking();
  server.unsentBytes = 1;
  send(1);
  vi.advanceTimersByTime(1_999);
  expect(happened).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(happened).toEqual(['slowed']);
  server.unsentBytes = 0;
  vi.advanceTimersByTime(999);
  expect(happened).toEqual(['slowed']);
  vi.advanceTimersByTime(1);
  expect(happened).toEqual(['slowed', 'resumed']);
});

describe('the heartbeat of a client that is slowed', () => {
  it('takes it for a sign of life that what waits is taken, and gives up a server that takes nothing', async () => {
    const heartbeatMs = 1_000;
    const { client, socket, happened } = await logIn({ heartbeatMs });
    await answerNext(socket);
    socket.on('data', () => socket.pause());
    // More than is taken slowly in all the time below.
    for (let i = 0; i < 30_000; i++) client.say(TEXT).catch(() => undefined);
    const reading = setInterval(() => socket.resume(), 20);
    onTestFinished(() => clearInterval(reading));
    await next(client, 'slowed');
    // Longer than the silence that it gives a server up for.
    const since = performance.now();
    await vi.waitUntil(() => performance.now() - since > 4 * heartbeatMs, 10_000);
    expect(happened).toEqual(['slowed']);
    clearInterval(reading);
    socket.pause();
    const [error] = await next(client, 'disconnected');
    expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

it('looks for slowness only while it may be: not where all is answered, nor when the session is over', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const slowness = new Slowness({
    unsentBytes: () => 0,
    oldestQuestion: () => roundTrips.oldest(),
    onSlowed: () => undefined,
    onResumed: () => undefined,
  });
  const roundTrips = new RoundTrips((text) => {
    slowness.sent();
    roundTrips.returned(text);
    return Promise.resolve();
  }, slowness);
  await roundTrips.make({});
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(0);
  slowness.sent();
  slowness.disconnected();
  expect(vi.getTimerCount()).toBe(0);
});
