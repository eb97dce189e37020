import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { messageOf } from '../../../src/errors.ts';
import { makeCode } from '../../../src/transfer/secure/codes.ts';
import type { SecureChannel } from '../../../src/transfer/secure/secure-channel.ts';
import type { ChannelSecret } from '../../../src/transfer/secure/secret.ts';
import { makeSecureHello } from '../../../src/transfer/secure/hello.ts';
import { secureChannel } from '../../../src/transfer/secure/secure.ts';
import { pipeChannel } from '../../../src/transfer/pipe.ts';
import { Collector, lentSource } from '../verified/rig.ts';
import { memoryPair } from '../verified/memory-channels.ts';
import { SECRET, secureBoth, securePair } from './rig.ts';

it.each([
  ['a key', SECRET],
  ['a code', { kind: 'code', code: makeCode().text } as const],
])('both sides with %s get what the other one sends, and its end', async (_, secret) => {
  const { requester, target } = await securePair(memoryPair(), secret);
  requester.end('what is asked');
  expect(await text(target)).toBe('what is asked');
  target.end('what is answered');
  expect(await text(requester)).toBe('what is answered');
  expect([requester.bytesSent, requester.bytesReceived]).toEqual([13, 16]);
});

it('no timer is left when the other side has shown that it has the secret', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await securePair();
  expect(vi.getTimerCount()).toBe(0);
});

it('a peer may take as long as it wants to, where the options say so', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { requester, target } = memoryPair();
  const secured = secureChannel(requester, SECRET, { handshakeTimeoutMs: Infinity });
  vi.advanceTimersByTime(1_000);
  const both = await Promise.all([secured, secureChannel(target, SECRET)]);
  expect(both.map(({ destroyed }) => destroyed)).toEqual([false, false]);
});

it('many small chunks that are written together are read together', async () => {
  const { requester, target } = await securePair();
  let chunks = 0;
  target.on('data', () => (chunks += 1));
  requester.cork();
  for (let number = 0; number < 1_000; number += 1) requester.write(Buffer.alloc(9));
  requester.end();
  requester.uncork();
  target.end();
  await finished(target.resume());
  expect(target.bytesReceived).toBe(9_000);
  expect(chunks).toBeLessThan(10);
});

it('a pipe over it carries both directions, cut anywhere, by chunks that are lent', async () => {
  const pieceBytes = (): number => 1 + Math.floor(Math.random() * 3_000);
  const { requester, target } = await securePair(memoryPair({ pieceBytes }));
  const [there, back] = [randomBytes(1_000_000), randomBytes(700_000)];
  const outputs = [new Collector(), new Collector()] as const;
  const chunks = (bytes: Buffer): Buffer[] => [
    bytes.subarray(0, 1),
    bytes.subarray(1, 400_000),
    bytes.subarray(400_000),
  ];
  const results = await Promise.all([
    pipeChannel(requester, lentSource(chunks(there)), outputs[0]),
    pipeChannel(target, lentSource(chunks(back)), outputs[1]),
  ]);
  expect(results).toEqual([
    { sent: there.length, received: back.length },
    { sent: back.length, received: there.length },
  ]);
  expect(outputs[1].bytes.equals(there)).toBe(true);
  expect(outputs[0].bytes.equals(back)).toBe(true);
});

it('an empty stream has an end too', async () => {
  const { requester, target } = await securePair();
  requester.end();
  target.end();
  expect(await Promise.all([buffer(requester), buffer(target)])).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
});

it('a signal that lives longer than the handshake has nothing of it left', async () => {
  const { signal } = new AbortController();
  const secrets = { requester: SECRET, target: SECRET };
  for (const other of [SECRET, { kind: 'key', key: randomBytes(32) } as const]) {
    await secureBoth(memoryPair(), { ...secrets, target: other }, { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
});

it('what says that it is longer than anything that is agreed on is not waited for', async () => {
  const { requester, target } = memoryPair();
  const secured = secureChannel(target, SECRET, { handshakeTimeoutMs: 10_000 });
  requester.write(Buffer.concat([makeSecureHello('requester', SECRET.kind), Buffer.from([1, 0x08, 0x01])]));
  await expect(secured).rejects.toMatchObject({ code: 'WRONG_SECRET' });
});

it('what breaks one side is an abort for the other', async () => {
  const { requester, target } = await securePair();
  const read = text(target);
  requester.write('something');
  requester.destroy();
  await expect(read).rejects.toMatchObject({ code: 'CHANNEL_ABORTED' });
});

it('another secret is refused in the same words on both sides', async () => {
  const other = { kind: 'key', key: randomBytes(32) } as const;
  const { requester, target } = await secureBoth(memoryPair(), { requester: SECRET, target: other });
  expect(requester).toMatchObject({ code: 'WRONG_SECRET', message: expect.stringMatching(/^wrong secret: bob has/) });
  expect(messageOf(target)).toBe(messageOf(requester).replace('bob', 'ann'));
});

it('a code has one guess', async () => {
  const codes = { requester: { kind: 'code', code: 'zoo-zoo' }, target: { kind: 'code', code: 'zoo-zone' } } as const;
  const { requester, target } = await secureBoth(memoryPair(), codes);
  expect(requester).toMatchObject({ code: 'WRONG_SECRET', fields: { codeUsed: true } });
  expect(messageOf(requester)).toMatch('wrong code: bob has another one');
  expect(messageOf(target)).toBe(messageOf(requester).replace('bob', 'ann'));
  const again = await secureBoth(memoryPair(), { ...codes, requester: codes.target });
  expect(messageOf(again.target)).toMatch('it was used before');
  expect(again.requester).toMatchObject({ code: 'WRONG_SECRET', fields: { usedBefore: true } });
});

it('a secret and a code do not meet, and the code is not used up', async () => {
  const { requester, target } = await secureBoth(memoryPair(), {
    requester: SECRET,
    target: { kind: 'code', code: 'zoo-zero' },
  });
  expect(requester).toMatchObject({ code: 'WRONG_SECRET', fields: { codeUsed: false, peerUses: 'code' } });
  expect(target).toMatchObject({ code: 'WRONG_SECRET', fields: { codeUsed: false, peerUses: 'key' } });
});

it('a peer that does not encrypt is noticed by its first byte', async () => {
  const { requester, target } = memoryPair();
  target.write('G');
  await expect(secureChannel(requester, SECRET)).rejects.toThrow('bob does not encrypt');
});

describe('a peer that comes back', () => {
  const code = (): ChannelSecret => ({ kind: 'code', code: makeCode().text });
  const key = (byte: number): Buffer => Buffer.alloc(32, byte);

  /** The one who asked has this, and the other one a code, or the key of an earlier channel. */
  async function meet(asking: ChannelSecret, asked: ChannelSecret, returningKey: Uint8Array) {
    const ends = memoryPair();
    const outcome = (channel: Promise<SecureChannel>): Promise<SecureChannel | Error> =>
      channel.catch((error: unknown) => error as Error);
    const [requester, target] = await Promise.all([
      outcome(secureChannel(ends.requester, asking)),
      outcome(secureChannel(ends.target, asked, { returningKey })),
    ]);
    return { requester, target };
  }

  it('has the key of an earlier channel instead of the code', async () => {
    const { requester, target } = await meet({ kind: 'key', key: key(1) }, code(), key(1));
    (requester as SecureChannel).end('back');
    expect(await text(target as SecureChannel)).toBe('back');
  });

  it('and has the code is served as any other', async () => {
    const both = code();
    const { requester, target } = await meet(both, both, key(1));
    (requester as SecureChannel).end('new');
    expect(await text(target as SecureChannel)).toBe('new');
  });

  it('with another key is refused, and the code is not used up', async () => {
    const asked = code();
    const { requester, target } = await meet({ kind: 'key', key: key(2) }, asked, key(1));
    for (const side of [requester, target]) {
      expect(side).toMatchObject({ code: 'WRONG_SECRET', fields: { codeUsed: false } });
    }
    const then = await meet(asked, asked, key(1));
    expect(then.requester).not.toBeInstanceOf(Error);
  });

  it('is not let in by what was recorded of it', async () => {
    const first = memoryPair();
    const recorded: Buffer[] = [];
    const write = first.requester.write.bind(first.requester) as (...args: unknown[]) => boolean;
    first.requester.write = (...args: unknown[]) => {
      recorded.push(Buffer.from(args[0] as Buffer));
      return write(...args);
    };
    const asked = code();
    await Promise.all([
      secureChannel(first.requester, { kind: 'key', key: key(1) }),
      secureChannel(first.target, asked, { returningKey: key(1) }),
    ]);
    const second = memoryPair();
    const again = secureChannel(second.target, asked, { returningKey: key(1) });
    second.requester.resume();
    for (const bytes of recorded) second.requester.write(bytes);
    await expect(again).rejects.toMatchObject({ code: 'WRONG_SECRET', fields: { codeUsed: false } });
    expect(recorded.length).toBeGreaterThan(1);
  });

  it('with a wrong code has used that up', async () => {
    const asked = code();
    const guess = code();
    const { requester, target } = await meet(guess, asked, key(1));
    for (const side of [requester, target]) {
      expect(side).toMatchObject({ code: 'WRONG_SECRET', fields: { codeUsed: true } });
    }
    const then = await meet(asked, asked, key(1));
    expect(then.target).toMatchObject({ code: 'WRONG_SECRET', fields: { codeUsed: true } });
  });
});

test('what is printed of an encrypted channel shows no key', async () => {
  const { requester } = await securePair(memoryPair(), { kind: 'code', code: makeCode().text });
  const { key } = requester.nextSecret as ChannelSecret & { kind: 'key' };
  const shown = inspect(requester, { depth: 9, maxArrayLength: 99 });
  expect(shown).toContain('bob');
  expect(shown).not.toContain([...key.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '));
});
