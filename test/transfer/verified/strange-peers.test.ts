import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { encodeFrame, type Frame } from '../../../src/transfer/verified/frames.ts';
import { encodeHello, type Hello } from '../../../src/transfer/verified/hello.ts';
import type { VerifiedPipeOptions } from '../../../src/transfer/verified/options.ts';
import { VerifiedPipe } from '../../../src/transfer/verified/verified-pipe.ts';
import { memoryPair, type MemoryChannel } from './memory-channels.ts';
import { Collector, lentSource, pipeBoth } from './rig.ts';

const HELLO: Hello = { role: 'target', reconnects: true, resumes: false, windowBytes: 1_000, nonce: randomBytes(16) };

/** How a pipe ends that has nothing to send, with a peer that does what it likes. */
async function endWith(act: (peer: MemoryChannel) => unknown, options: Partial<VerifiedPipeOptions> = {}) {
  const { requester, target } = memoryPair();
  const collector = new Collector();
  const pipe = new VerifiedPipe(requester, {
    input: lentSource([]),
    output: collector,
    windowBytes: 1_000,
    ...options,
  });
  const end = pipe.run().catch((error: unknown) => error);
  await act(target);
  target.resume();
  return { error: await end, written: String(collector.bytes) };
}

const says =
  (frames: readonly Frame[], hello: Partial<Hello> = {}) =>
  (peer: MemoryChannel): void => {
    peer.write(encodeHello({ ...HELLO, ...hello }));
    for (const bytes of frames.flatMap(encodeFrame)) peer.write(bytes);
  };

it('says its hello also to a peer that is of no use, which reads it when it likes', async () => {
  const hello: Buffer[] = [];
  await endWith(async (peer) => {
    peer.write('hello');
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    peer.on('data', (chunk: Buffer) => hello.push(chunk));
  });
  expect(Buffer.concat(hello)).toHaveLength(encodeHello(HELLO).length);
});

const incomplete = (message: string): Error => expect.objectContaining({ code: 'DATA_INCOMPLETE', message });

it.each([
  [
    'it speaks otherwise',
    (peer: MemoryChannel) => peer.write('hello'),
    'does not use --verify: use it on both sides, or on neither',
  ],
  [
    'it sends back what it gets',
    (peer: MemoryChannel) => peer.pipe(peer),
    'sends back what it gets, and does not use --verify',
  ],
  [
    'it ends without a word',
    (peer: MemoryChannel) => peer.end(),
    'ended the private connection without a hello: both sides need --verify',
  ],
  [
    'it breaks without a word',
    (peer: MemoryChannel) => peer.cut(),
    'ended the private connection without a hello: both sides need --verify',
  ],
  ['it is silent', () => undefined, 'said nothing within 0.5 s: both sides need --verify'],
  [
    'it ends in its hello',
    (peer: MemoryChannel) => peer.end(encodeHello(HELLO).subarray(0, 39)),
    'ended the private connection without a hello: both sides need --verify',
  ],
  [
    'it goes on with what was never begun',
    says([], { resumes: true }),
    'goes on with a private connection that this command does not know',
  ],
])('a peer that does not use --verify is told apart: %s', async (_name, act, message) => {
  const { error, written } = await endWith(act, { helloTimeoutMs: 500 });
  expect(error).toEqual(incomplete(`bob ${message}`));
  expect(written).toBe('');
});

const data = (length: number): Frame => ({ type: 'data', bytes: Buffer.alloc(length, 'x') });
const digest = Buffer.alloc(32);
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

it.each<readonly [string, readonly Frame[], string]>([
  ['more than the window', [data(600), data(600)], 'it sends more than the window allows'],
  [
    'more behind the end',
    [{ type: 'end', length: 0, digest: sha256('') }, data(1)],
    'it sends more behind the end of its stream',
  ],
  ['another length', [data(3), { type: 'end', length: 4, digest }], 'its stream ends at 4 of 3 bytes'],
  ['an acknowledgement of what was not sent', [{ type: 'ack', taken: 1 }], 'it acknowledges what was not sent'],
  ['DONE for what has not ended', [{ type: 'done' }], 'it is done before the end'],
  ['RESUME on the first connection', [{ type: 'resume', proof: digest, received: 0 }], 'a RESUME out of place'],
])('a peer that breaks the rules is an error: %s', async (_name, frames, message) => {
  const stalled = new Collector(() => new Promise(() => undefined));
  const input = { read: () => new Promise<undefined>(() => undefined), close: () => undefined };
  const { error } = await endWith(says(frames), { output: stalled, input });
  expect(error).toEqual(incomplete(`the peer breaks the rules of --verify: ${message}`));
});

it('an acknowledgement that is taken back is an error', async () => {
  const input = lentSource([Buffer.from('abc')]);
  const act = async (peer: MemoryChannel): Promise<void> => {
    says([])(peer);
    for (let sent = 0; sent < 40 + 5 + 3;) sent += (await next(peer)).length;
    for (const taken of [2, 1]) peer.write(encodeFrame({ type: 'ack', taken })[0]);
  };
  const { error } = await endWith(act, { input });
  expect(error).toEqual(incomplete('the peer breaks the rules of --verify: it takes an acknowledgement back'));
});

it('a SHA-256 that is wrong is an error, which the peer gets too, and the output is not ended', async () => {
  const { requester, target } = memoryPair();
  const output = new Collector();
  const end = new VerifiedPipe(requester, { input: lentSource([]), output }).run().catch((error: unknown) => error);
  says([data(3), { type: 'end', length: 3, digest }])(target);
  const got: Buffer[] = [];
  for await (const chunk of target) got.push(chunk as Buffer);
  const message = 'what came is not what was sent: the SHA-256 is wrong';
  target.end();
  expect(await end).toEqual(incomplete(message));
  expect(String(Buffer.concat(got))).toContain(message);
  expect(output.ended).toBe(false);
});

it('a stranger who has taken the login of the peer gets nothing, and the stream goes on with the peer', async () => {
  const question = randomBytes(100_000);
  const output = new Collector();
  const fake = memoryPair();
  const got: Buffer[] = [];
  fake.target.on('data', (chunk: Buffer) => void got.push(chunk));
  const result = await pipeBoth({
    requester: { input: lentSource([question]), output: new Collector() },
    target: { input: lentSource([]), output },
    reconnect: true,
    connections: [
      () => memoryPair({ breakAfterBytes: 20_000 }),
      () => {
        says([{ type: 'resume', proof: digest, received: 0 }], { resumes: true })(fake.target);
        const lost = memoryPair({ breakAfterBytes: 1 });
        return { requester: fake.requester, target: lost.target };
      },
    ],
  });
  expect(result).toMatchObject({ requester: { sent: question.length }, opened: 3 });
  expect(output.bytes.equals(question)).toBe(true);
  // No more than a hello and a RESUME.
  expect(Buffer.concat(got).length).toBeLessThanOrEqual(40 + 45);
});

async function next(channel: MemoryChannel): Promise<Buffer> {
  for (;;) {
    const chunk = channel.read() as Buffer | null;
    if (chunk) return chunk;
    await new Promise((resolve) => channel.once('readable', resolve));
  }
}
