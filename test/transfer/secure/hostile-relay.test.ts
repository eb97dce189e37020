import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { isChatosError } from '../../../src/errors.ts';
import { pipeChannel } from '../../../src/transfer/pipe.ts';
import { makeCode } from '../../../src/transfer/secure/codes.ts';
import { makeSecureHello, SECURE_HELLO_BYTES } from '../../../src/transfer/secure/hello.ts';
import { secureChannel } from '../../../src/transfer/secure/secure.ts';
import type { ChannelSecret } from '../../../src/transfer/secure/secret.ts';
import { memoryPair, type MemoryChannel, type PairOptions } from '../verified/memory-channels.ts';
import { Collector, lentSource } from '../verified/rig.ts';
import { relayed, type Direction, type Tampering } from './hostile-relay.ts';
import { SECRET } from './rig.ts';

const TEXT = 'this is a line that nobody else may read\n';
const [THERE, BACK] = [Buffer.from(TEXT.repeat(1_000)), Buffer.from(TEXT.repeat(300))];

/** What a side ends with: `done`, or the code of its error, and what its output got. */
interface Outcome {
  readonly end: string;
  readonly error: unknown;
  readonly received: Buffer;
}

type Exchange = Awaited<ReturnType<typeof exchange>>;

/** A relay that holds something back for ever is given up after this time. */
const STALLED_MS = 500;

/** Sends in both directions through a relay, and says what came of it on both sides. */
async function exchange(tampering?: Tampering, secret: ChannelSecret = SECRET, options?: PairOptions) {
  const { requester, target, seen } = relayed(tampering, options);
  const limits = tampering ? { handshakeTimeoutMs: STALLED_MS } : {};
  const side = async (channel: MemoryChannel, bytes: Buffer): Promise<Outcome> => {
    const output = new Collector();
    try {
      const secure = await secureChannel(channel, secret, limits);
      const chunks = [bytes.subarray(0, 1), bytes.subarray(1, 9_000), bytes.subarray(9_000)];
      await pipeChannel(secure, lentSource(chunks), output);
      return { end: 'done', error: undefined, received: output.bytes };
    } catch (error) {
      return { end: isChatosError(error) ? error.code : 'no ChatosError', error, received: output.bytes };
    }
  };
  const [near, far] = await Promise.all([side(requester, THERE), side(target, BACK)]);
  return { requester: near, target: far, seen };
}

/** How many bytes there are before the data, and in all. */
let lengths: Record<Direction, { readonly all: number; readonly handshake: number }>;

beforeAll(async () => {
  const { seen } = await exchange();
  const of = (chunks: readonly Buffer[], data: Buffer): { all: number; handshake: number } => {
    const all = chunks.reduce((sum, { length }) => sum + length, 0);
    return { all, handshake: all - data.length - 200 };
  };
  lengths = { there: of(seen.there, THERE), back: of(seen.back, BACK) };
});

/** Places all over the handshake, the data and the end. */
function places(direction: Direction): number[] {
  const { all, handshake } = lengths[direction];
  const spread = (from: number, to: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => Math.floor(from + ((to - from) * index) / count));
  return [...spread(0, handshake, 12), ...spread(handshake, all - 100, 5), ...spread(all - 100, all - 17, 5)];
}

const isPrefix = (part: Buffer, whole: Buffer): boolean => whole.subarray(0, part.length).equals(part);

const FAILED = /^(WRONG_SECRET|DATA_INCOMPLETE|CHANNEL_ABORTED|TIMED_OUT)$/;
const NOTICED = /^(WRONG_SECRET|DATA_INCOMPLETE|TIMED_OUT)$/;

const TRUTH = {
  reader: 'failed',
  other: 'failed, or had everything',
  noticed: 'by the reader',
  outputs: 'a beginning',
};

/** The side that reads it does not take it for success, the other one only if it had everything; no output is wrong. */
function truthOf({ requester, target }: Exchange, direction: Direction, at: number): typeof TRUTH {
  const [reader, other] = direction === 'there' ? [target, requester] : [requester, target];
  const hadAll = other.end === 'done' && other.received.equals(direction === 'there' ? BACK : THERE);
  // In a handshake, what a change leads to may show at the other side first.
  const isEarly = at <= lengths[direction].handshake;
  const isNoticed = NOTICED.test(reader.end) || (isEarly && NOTICED.test(other.end));
  const areBeginnings = isPrefix(requester.received, BACK) && isPrefix(target.received, THERE);
  return {
    reader: FAILED.test(reader.end) ? TRUTH.reader : reader.end,
    other: FAILED.test(other.end) || hadAll ? TRUTH.other : other.end,
    noticed: isNoticed ? TRUTH.noticed : reader.end,
    outputs: areBeginnings ? TRUTH.outputs : 'wrong',
  };
}

describe.each(['there', 'back'] as const)('a server that changes what it relays: %s', (direction) => {
  const SIZE = 16;
  const acts: readonly [what: string, length: number, act: Tampering['act']][] = [
    ['cuts it by FIN', 0, () => 'cut'],
    ['changes a bit', 1, ([byte = 0]) => Buffer.from([byte ^ 0x10])],
    ['drops some bytes', SIZE, () => Buffer.alloc(0)],
    ['doubles some bytes', SIZE, (bytes) => Buffer.concat([bytes, bytes])],
    ['swaps some bytes', 2 * SIZE, (bytes) => Buffer.concat([bytes.subarray(SIZE), bytes.subarray(0, SIZE)])],
    ['replays some bytes', 1, (bytes, before) => Buffer.concat([bytes, before.subarray(-60), bytes])],
  ];
  it.each(acts)(
    'is told as what it is on both sides where it %s',
    async (_, length, act) => {
      for (const at of places(direction)) {
        const result = await exchange({ direction, at, length, act });
        expect({ at, ...truthOf(result, direction, at) }).toEqual({ at, ...TRUTH });
      }
    },
    60_000,
  );
});

it('a cut is told with the place, and a bit that was changed as such, on the side that reads it', async () => {
  const at = lengths.there.all - 5_000;
  const cut = await exchange({ direction: 'there', at, length: 0, act: () => 'cut' });
  expect(cut.target.error).toMatchObject({
    code: 'DATA_INCOMPLETE',
    message: expect.stringMatching(
      new RegExp(`^the private connection with ann was cut at ${cut.target.received.length} bytes: `),
    ),
  });
  const changed = await exchange({ direction: 'there', at, length: 1, act: ([byte]) => Buffer.from([byte! ^ 1]) });
  expect(changed.target.error).toMatchObject({
    code: 'DATA_INCOMPLETE',
    message: expect.stringMatching(/^what ann sent was changed on the way: \d+ bytes had come unchanged$/),
  });
  expect(changed.requester.end).toBe('CHANNEL_ABORTED');
});

it('a relay that delays bytes, and cuts them anywhere, changes nothing', async () => {
  const pieceBytes = (): number => 1 + Math.floor(Math.random() * 100);
  const { requester, target } = await exchange(undefined, SECRET, { pieceBytes });
  expect([requester.end, target.end]).toEqual(['done', 'done']);
  expect([requester.received.equals(BACK), target.received.equals(THERE)]).toEqual([true, true]);
});

it('nothing that is relayed shows what was sent, or the code', async () => {
  for (const secret of [SECRET, { kind: 'code', code: 'velvet-orange' } as const]) {
    const { seen, requester, target } = await exchange(undefined, secret);
    expect([requester.end, target.end]).toEqual(['done', 'done']);
    const capture = Buffer.concat([...seen.there, ...seen.back]);
    expect(capture.length).toBeGreaterThan(THERE.length + BACK.length);
    const key = Buffer.from((SECRET as { key: Uint8Array }).key);
    for (const plain of ['nobody', 'may read', 'velvet', 'orange', key]) expect(capture.includes(plain)).toBe(false);
  }
});

it.each([
  ['a guess', 'there', 0],
  ['the answer to a guess', 'back', 0],
  ['the proof of a guess', 'there', 1],
] as const)('where %s is changed, both sides know that the code is used up', async (_, direction, frame) => {
  const { seen } = await exchange(undefined, { kind: 'code', code: makeCode().text });
  const bytes = Buffer.concat(seen[direction]);
  let at = SECURE_HELLO_BYTES;
  for (let skipped = 0; skipped < frame; skipped += 1) at += 3 + bytes.readUInt16BE(at + 1);
  const act: Tampering['act'] = ([byte]) => Buffer.from([byte! ^ 1]);
  const { requester, target } = relayed({ direction, at: at + 3, length: 1, act });
  const secret: ChannelSecret = { kind: 'code', code: makeCode().text };
  const sides = [requester, target].map((side) => secureChannel(side, secret));
  const ends = (await Promise.allSettled(sides)).map((end) => end.status === 'rejected' && (end.reason as unknown));
  expect(ends).toMatchObject(sides.map(() => ({ code: 'WRONG_SECRET', fields: { codeUsed: true } })));
});

/** How attempts that must fail have ended. */
async function endings(...attempts: readonly Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(attempts);
  return results.map((result) =>
    result.status === 'fulfilled' ? 'open' : isChatosError(result.reason) ? result.reason.code : 'no ChatosError',
  );
}

describe('a server without the secret', () => {
  const other: ChannelSecret = { kind: 'key', key: randomBytes(32) };

  it('cannot be the peer of either side', async () => {
    const { requester, target, takeOver } = relayed();
    const [near, far] = takeOver();
    const sides = [secureChannel(requester, SECRET), secureChannel(target, SECRET)];
    const ends = await endings(...sides, secureChannel(near, other), secureChannel(far, other));
    expect(ends).toEqual(sides.concat(sides).map(() => 'WRONG_SECRET'));
  });

  it.each([
    ['another connect id', { connectId: 2n }],
    ['somebody else as the peer', { peer: 'eve' }],
  ])('cannot connect two who were given %s', async (_, lie) => {
    const { requester, target } = relayed();
    Object.assign(target, lie);
    const ends = await endings(secureChannel(requester, SECRET), secureChannel(target, SECRET));
    expect(ends).toEqual(['WRONG_SECRET', 'WRONG_SECRET']);
  });

  it('cannot play back what a peer has said before', async () => {
    const { seen } = await exchange();
    const { requester, takeOver } = relayed();
    takeOver()[0].resume().write(Buffer.concat(seen.back));
    expect(await endings(secureChannel(requester, SECRET))).toEqual(['WRONG_SECRET']);
  });

  it('cannot send a side its own bytes', async () => {
    const { requester, takeOver } = relayed();
    const [server] = takeOver();
    server.pipe(server);
    await expect(secureChannel(requester, SECRET)).rejects.toThrow('sends back what it gets');
  });

  it('has one guess at a code, and it is used up when the guess has come', async () => {
    const code = 'winter-window';
    const guess = async (words: string): Promise<string> => {
      const { requester, target } = relayed();
      const checked = secureChannel(target, { kind: 'code', code }).then(
        () => 'open',
        (error: Error) => error.message,
      );
      await secureChannel(requester, { kind: 'code', code: words }).catch(() => undefined);
      return checked;
    };
    expect(await guess('winter-wine')).toMatch(/^wrong code: ann has another one/);
    expect(await guess(code)).toMatch(/^wrong code: it was used before/);
  });

  it('may leave when it has made its guess: the code is used up, and that is told', async () => {
    const secret: ChannelSecret = { kind: 'code', code: 'winter-wire' };
    const { target } = await exchange({ direction: 'back', at: 100, length: 0, act: () => 'cut' }, secret);
    expect(target.error).toMatchObject({
      code: 'DATA_INCOMPLETE',
      message: expect.stringMatching(/; a guess was made at the code, which is used up: another one has to be made$/),
      fields: { codeUsed: true },
    });
  });

  it.each([
    ['a secret', SECRET],
    ['a code', { kind: 'code', code: 'winter-wisdom' } as const],
  ])('cannot join two who have both asked: by %s', async (_, secret) => {
    const [first, second] = [memoryPair(), memoryPair()];
    Object.assign(second.requester, { login: 'bob', peer: 'ann' });
    first.target.pipe(second.target).pipe(first.target);
    const ends = await endings(secureChannel(first.requester, secret), secureChannel(second.requester, secret));
    expect(ends).toEqual(['WRONG_SECRET', 'WRONG_SECRET']);
  });

  it('cannot play back to a side what it has seen of a code', async () => {
    const secret: ChannelSecret = { kind: 'code', code: 'winter-wing' };
    const { seen } = await exchange(undefined, secret);
    const again: ChannelSecret = { kind: 'code', code: 'winter-witness' };
    for (const side of ['requester', 'target'] as const) {
      const { takeOver, ...sides } = relayed();
      const [near, far] = takeOver();
      (side === 'requester' ? near : far).resume().end(Buffer.concat(seen[side === 'requester' ? 'back' : 'there']));
      expect(await endings(secureChannel(sides[side], again))).not.toEqual(['open']);
    }
  });

  it('is not waited for any longer where it sends byte by byte', async () => {
    const { requester, takeOver } = relayed();
    const [near] = takeOver();
    near.resume().write(makeSecureHello('target', 'key'));
    const drip = setInterval(() => near.write(Buffer.from([1])), 20);
    const ends = await endings(secureChannel(requester, SECRET, { handshakeTimeoutMs: 150 }));
    clearInterval(drip);
    expect(ends[0]).toMatch(/TIMED_OUT|WRONG_SECRET/);
  });

  it('does not use a code up without a guess', async () => {
    const secret: ChannelSecret = { kind: 'code', code: 'winter-wolf' };
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n'), Buffer.alloc(0)]) {
      const { target, takeOver } = relayed();
      takeOver()[1].resume().end(bytes);
      await expect(secureChannel(target, secret)).rejects.toMatchObject({ fields: { codeUsed: false } });
    }
    expect((await exchange(undefined, secret)).target.end).toBe('done');
  });
});

it('a peer that says nothing, or stops in the handshake, is not waited for any longer than allowed', async () => {
  const { requester, takeOver } = relayed();
  takeOver()[0].resume();
  const silent = secureChannel(requester, SECRET, { handshakeTimeoutMs: 50 });
  await expect(silent).rejects.toThrow('bob said nothing within 0.05 s: both sides need the same secret or code');
  const stalls = await exchange({ direction: 'back', at: 60, length: 1e6, act: (bytes) => bytes });
  expect(stalls.requester.end).toBe('TIMED_OUT');
});
