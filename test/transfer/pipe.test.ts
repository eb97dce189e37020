import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { pipeStreams } from './pipe-streams.ts';
import { WIDTHS, closing, openPair, readAll, sha256 } from '../client/real-server.ts';

const MIB = 1024 * 1024;

const digest = (bytes: Buffer): string => sha256().update(bytes).digest('hex');

describe.each(WIDTHS)('pipeChannel, LONG of %i bytes', (longBytes) => {
  it('carries input and output at once, byte for byte, and counts both', async () => {
    const { here, there } = await openPair(longBytes);
    const [question, answer] = [randomBytes(3 * MIB + 1), randomBytes(2 * MIB + 3)];
    const outputs = [new PassThrough(), new PassThrough()] as const;
    const received = outputs.map((output) => buffer(output));
    const results = await Promise.all([
      pipeStreams(here, Readable.from([question.subarray(0, MIB), question.subarray(MIB)]), outputs[0]),
      pipeStreams(there, Readable.from([answer]), outputs[1]),
    ]);
    const [gotHere, gotThere] = await Promise.all(received);
    expect(digest(gotHere!)).toBe(digest(answer));
    expect(digest(gotThere!)).toBe(digest(question));
    expect(results).toEqual([
      { sent: question.length, received: answer.length },
      { sent: answer.length, received: question.length },
    ]);
  });

  it('[P14] lets what comes back come after the end of the input', async () => {
    const { here, there } = await openPair(longBytes);
    const output = new PassThrough();
    const piped = pipeStreams(here, Readable.from(['question']), output);
    expect(String(await readAll(there))).toBe('question');
    there.end('answer');
    expect(await piped).toEqual({ sent: 8, received: 6 });
    expect(String(output.read())).toBe('answer');
  });

  it("[P14] sends on after the end of the peer's direction", async () => {
    const { here, there } = await openPair(longBytes);
    const [input, output] = [new PassThrough(), new PassThrough()];
    const piped = pipeStreams(here, input, output);
    there.end('greeting');
    expect(String((await once(output, 'data'))[0])).toBe('greeting');
    input.end('answer');
    expect(String(await readAll(there))).toBe('answer');
    expect(await piped).toEqual({ sent: 6, received: 8 });
  });
});

describe('pipeChannel', () => {
  it('carries nothing, both ways', async () => {
    const { here, there } = await openPair();
    const piped = pipeStreams(here, Readable.from([]), new PassThrough());
    there.end();
    expect(await readAll(there)).toHaveLength(0);
    expect(await piped).toEqual({ sent: 0, received: 0 });
  });

  it('hands the end on to the output', async () => {
    const { here, there } = await openPair();
    const output = new PassThrough();
    const all = buffer(output);
    there.end('one');
    await pipeStreams(here, Readable.from([]), output);
    expect(String(await all)).toBe('one');
  });

  it('takes an input that has ended already', async () => {
    const { here, there } = await openPair();
    const input = Readable.from(['gone']);
    await buffer(input);
    const piped = pipeStreams(here, input, new PassThrough());
    there.end();
    expect(await readAll(there)).toHaveLength(0);
    expect(await piped).toEqual({ sent: 0, received: 0 });
  });

  it('resolves when a slow output has taken everything', async () => {
    const { here, there } = await openPair();
    let taken = 0;
    const output = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        setImmediate(() => {
          taken += chunk.length;
          done();
        });
      },
    });
    there.end(randomBytes(MIB));
    expect(await pipeStreams(here, Readable.from([]), output)).toEqual({ sent: 0, received: MIB });
    expect(taken).toBe(MIB);
  });

  it('holds little of what a stopped output has not taken, and reads an input only as fast as the peer', async () => {
    const { here, there } = await openPair();
    let read = 0;
    const input = new Readable({
      read(size) {
        read += size;
        this.push(read > 32 * MIB ? null : Buffer.alloc(size));
      },
    });
    const output = new PassThrough();
    const [piped, peer] = [pipeStreams(here, input, new PassThrough()), pipeStreams(there, Readable.from([]), output)];
    await once(output, 'readable');
    expect(output.readableLength + output.writableLength).toBeLessThan(MIB);
    expect(there.readableLength).toBeLessThan(MIB);
    output.resume();
    const [{ sent }, { received }] = await Promise.all([piped, peer]);
    expect(received).toBe(sent);
  });

  it('has closed the channel when it resolves', async () => {
    const { alice, here, there } = await openPair();
    const gone = closing(here);
    there.end();
    await Promise.all([pipeStreams(here, Readable.from([]), new PassThrough()), readAll(there)]);
    expect(await gone).toBeUndefined();
    await alice.channelsClosed();
  });
});
