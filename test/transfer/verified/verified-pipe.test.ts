import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ByteSource } from '../../../src/transfer/bytes.ts';
import type { VerifiedPipe } from '../../../src/transfer/verified/verified-pipe.ts';
import { withResolvers } from '../../../src/util/deferred.ts';
import { memoryPair } from './memory-channels.ts';
import { Collector, lentSource, pipeBoth } from './rig.ts';

const KIB = 1024;
const WINDOW = { windowBytes: 64 * KIB };

function pieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** An input without end, which counts what it has given. */
function endless(): ByteSource & { given: number } {
  return {
    given: 0,
    async read() {
      await new Promise(setImmediate);
      this.given += KIB;
      return Buffer.alloc(KIB, 'x');
    },
    close: () => undefined,
  };
}

/** An output that takes nothing until it is let. */
function stalled() {
  const { promise, resolve } = withResolvers<void>();
  return { output: new Collector(() => promise), release: resolve };
}

const nothing = () => ({ input: lentSource([]), output: new Collector(), ...WINDOW });

const incomplete = (message: string): Error => expect.objectContaining({ code: 'DATA_INCOMPLETE', message });

/** What has happened when nothing happens any more. */
async function settled(look: () => unknown): Promise<void> {
  for (let [before, turns] = [look(), 0]; turns < 100; turns += 1) {
    await new Promise(setImmediate);
    const now = look();
    if (now !== before) [before, turns] = [now, 0];
  }
}

describe('VerifiedPipe', () => {
  it('leaves no timer behind that would hold up the process', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const requester = { ...nothing(), input: lentSource([Buffer.alloc(1_000)]) };
    const connections = [() => memoryPair({ breakAfterBytes: 300 })];
    expect(await pipeBoth({ requester, target: nothing(), reconnect: true, connections })).toMatchObject({ opened: 2 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('carries both streams, and is done when both outputs have everything', async () => {
    const [there, back] = [randomBytes(300 * KIB + 1), randomBytes(90 * KIB + 7)];
    const outputs = { requester: new Collector(), target: new Collector() };
    const result = await pipeBoth({
      requester: { input: lentSource(pieces(there, 10_000)), output: outputs.requester, ...WINDOW },
      target: { input: lentSource(pieces(back, 999)), output: outputs.target, ...WINDOW },
    });
    expect(result).toEqual({
      requester: { sent: there.length, received: back.length },
      target: { sent: back.length, received: there.length },
      opened: 1,
    });
    expect(outputs.target.bytes.equals(there)).toBe(true);
    expect(outputs.requester.bytes.equals(back)).toBe(true);
    expect([outputs.requester.ended, outputs.target.ended]).toEqual([true, true]);
  });

  it('is not done before the output of the other side has taken the last byte', async () => {
    const { output, release } = stalled();
    let isDone = false;
    const both = pipeBoth({
      requester: { ...nothing(), input: lentSource([Buffer.from('all')]) },
      target: { ...nothing(), output },
    }).then((result) => ((isDone = true), result));
    await settled(() => isDone);
    expect(isDone).toBe(false);
    release();
    expect(await both).toMatchObject({ requester: { sent: 3 }, target: { received: 3 } });
  });

  it('reads no more of an input than the window, while the output of the other side is stalled', async () => {
    const { output } = stalled();
    const input = endless();
    const pipes: VerifiedPipe[] = [];
    const both = pipeBoth({
      requester: { ...nothing(), input },
      target: { ...nothing(), output },
      onPipe: { requester: (pipe) => pipes.push(pipe) },
    });
    await settled(() => input.given);
    expect(input.given).toBe(WINDOW.windowBytes + KIB);
    pipes[0]!.destroy(new Error('enough'));
    await both;
  });

  it('lets one direction pass while the other one is stalled, and both where both were', async () => {
    const [there, back] = [stalled(), stalled()];
    const [question, answer] = [randomBytes(300 * KIB), randomBytes(200 * KIB)];
    const both = pipeBoth({
      requester: { input: lentSource(pieces(question, 10_000)), output: back.output, ...WINDOW },
      target: { input: lentSource(pieces(answer, 10_000)), output: there.output, ...WINDOW },
    });
    there.release();
    await settled(() => there.output.chunks.length);
    expect(there.output.bytes.equals(question)).toBe(true);
    expect(back.output.chunks).toEqual([]);
    back.release();
    expect(await both).toMatchObject({ requester: { received: answer.length }, target: { sent: answer.length } });
    expect(back.output.bytes.equals(answer)).toBe(true);
  });

  it('tells the peer why it fails, in characters that do no harm', async () => {
    const output = new Collector(() => Promise.reject(new Error('no space\u001B[31m left')));
    const { requester, target } = await pipeBoth({
      requester: { ...nothing(), input: endless() },
      target: { ...nothing(), output },
      reconnect: true,
    });
    expect(target).toEqual(new Error('no space\u001B[31m left'));
    expect(requester).toEqual(incomplete(String.raw`bob gave up: no space\e[31m left`));
  });

  it('tells the peer that it is interrupted, or what its input has failed with', async () => {
    const pipes: VerifiedPipe[] = [];
    const input: ByteSource = { read: () => Promise.reject(new Error('EIO')), close: () => undefined };
    const { output } = stalled();
    const source = endless();
    const interrupted = pipeBoth({
      requester: { ...nothing(), input: source, reasonOf: () => 'it was interrupted' },
      target: { ...nothing(), output },
      reconnect: true,
      onPipe: { requester: (pipe) => pipes.push(pipe) },
    });
    await settled(() => source.given);
    pipes[0]!.destroy(new Error('Ctrl-C'));
    expect(await interrupted).toMatchObject({
      requester: new Error('Ctrl-C'),
      target: incomplete('ann gave up: it was interrupted'),
    });
    expect(await pipeBoth({ requester: nothing(), target: { ...nothing(), input } })).toMatchObject({
      requester: incomplete('bob gave up: EIO'),
      target: new Error('EIO'),
    });
  });

  it('says how far it came where the connection breaks', async () => {
    const pair = memoryPair();
    const output = new Collector();
    const both = pipeBoth({
      requester: { ...nothing(), input: lentSource([Buffer.from('abc')]) },
      target: { ...nothing(), input: endless(), output },
      connections: [() => pair],
    });
    await settled(() => output.chunks.length);
    pair.target.cut();
    const { requester, target } = await both;
    expect(requester).toMatchObject({
      message: expect.stringMatching(
        /^the end was not confirmed: the private connection broke; all bytes are known to be written there, \d+ bytes were written here$/,
      ),
    });
    expect(target).toMatchObject({
      message: expect.stringMatching(/broke; \d+ bytes are known to be written there, 3 bytes were written here$/),
    });
  });
});

describe('VerifiedPipe and another connection', () => {
  it('goes on with no byte lost or doubled', async () => {
    const there = randomBytes(300 * KIB);
    const output = new Collector();
    const pieceBytes = () => 999;
    const result = await pipeBoth({
      requester: { ...nothing(), input: lentSource(pieces(there, 10_000)) },
      target: { ...nothing(), output },
      reconnect: true,
      connections: [5_000, 100_001, 50].map((breakAfterBytes) => () => memoryPair({ breakAfterBytes, pieceBytes })),
    });
    expect(result).toMatchObject({ requester: { sent: there.length }, target: { received: there.length }, opened: 4 });
    expect(output.bytes.equals(there)).toBe(true);
  });

  it('does not go on where one side does not do so', async () => {
    const { requester, target, opened } = await pipeBoth({
      requester: { ...nothing(), input: endless(), reopen: () => Promise.reject(new Error('asked')) },
      target: nothing(),
      connections: [() => memoryPair({ breakAfterBytes: 20_000 })],
    });
    expect([requester, target].map((outcome) => (outcome as { code?: string }).code)).toEqual([
      'DATA_INCOMPLETE',
      'DATA_INCOMPLETE',
    ]);
    expect(opened).toBe(1);
  });

  it('gives up when there is none in time', async () => {
    const reopen = () => Promise.reject(new Error('no server'));
    const { requester } = await pipeBoth({
      requester: { ...nothing(), input: endless(), reopen, reopenTimeoutMs: 20 },
      target: { ...nothing(), reopen, reopenTimeoutMs: 20 },
      connections: [() => memoryPair({ breakAfterBytes: 20_000 })],
    });
    expect(requester).toMatchObject({
      message: expect.stringMatching(
        /^the end was not confirmed: there was no other private connection with \S+ within 0\.02 s; /,
      ),
    });
  });
});
