import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { pipeStreams } from './pipe-streams.ts';
import { closing, ending, failure, openPair, readAll } from '../client/real-server.ts';

describe('pipeChannel, where the input fails', () => {
  it("[P14] rejects with the input's error, and the peer sees an abort", async () => {
    const { here, there } = await openPair();
    const input = new PassThrough();
    const piped = failure(pipeStreams(here, input, new PassThrough()));
    const seen = ending(there);
    input.write('half of');
    await once(there, 'data');
    const broken = new Error('the disk is broken');
    input.destroy(broken);
    expect(await piped).toBe(broken);
    expect(await seen).toBe('CHANNEL_ABORTED');
  });

  it('[P14] does so where it has failed before, or is destroyed without an error', async () => {
    for (const broken of [new Error('the disk is broken'), undefined]) {
      const { here, there } = await openPair();
      const input = new PassThrough().on('error', () => undefined);
      input.destroy(broken);
      await new Promise((resolve) => void input.once('close', resolve));
      const seen = ending(there);
      expect(await failure(pipeStreams(here, input, new PassThrough()))).toBeInstanceOf(Error);
      expect(await seen).toBe('CHANNEL_ABORTED');
    }
  });
});

describe('pipeChannel, where the output fails', () => {
  it("[P14] rejects with the output's error, and the peer sees an abort", async () => {
    const { here, there } = await openPair();
    const full = new Error('no space left on device');
    const output = new Writable({ write: (_chunk, _encoding, done) => done(full) });
    const piped = failure(pipeStreams(here, new PassThrough(), output));
    const seen = ending(there);
    there.write('too much');
    expect(await piped).toBe(full);
    expect(await seen).toBe('CHANNEL_ABORTED');
  });

  it('[P14] rejects where the output is closed midway, without an error', async () => {
    const { here, there } = await openPair();
    const output = new PassThrough();
    const piped = failure(pipeStreams(here, new PassThrough(), output));
    const seen = ending(there);
    there.write('something');
    await once(output, 'readable');
    output.destroy();
    there.write('more');
    expect(await piped).toBeInstanceOf(Error);
    expect(await seen).toBe('CHANNEL_ABORTED');
  });

  it('rejects where the output fails on the last bytes', async () => {
    const { here, there } = await openPair();
    const full = new Error('no space left on device');
    const output = new Writable({ write: (_chunk, _encoding, done) => setImmediate(() => done(full)) });
    const piped = failure(pipeStreams(here, Readable.from([]), output));
    there.end('too much');
    expect(await piped).toBe(full);
  });
});

describe('pipeChannel, where the channel fails', () => {
  it('[P14] rejects with CHANNEL_ABORTED where the peer breaks it', async () => {
    const { here, there } = await openPair();
    const output = new PassThrough();
    const piped = failure(pipeStreams(here, new PassThrough(), output));
    there.write('half of');
    await once(output, 'readable');
    there.destroy();
    expect(await piped).toMatchObject({ name: 'ChatosError', code: 'CHANNEL_ABORTED' });
  });

  it('[P14] rejects with CHANNEL_ABORTED where the peer breaks it with its last bytes', async () => {
    const { here, there } = await openPair();
    const piped = failure(pipeStreams(here, Readable.from([]), new PassThrough()));
    await readAll(there);
    there.write('half of');
    there.destroy();
    expect(await piped).toMatchObject({ name: 'ChatosError', code: 'CHANNEL_ABORTED' });
  });

  it('[P15] rejects with CHANNEL_CLOSED where the peer closes it before the end of its stream', async () => {
    const { here, there } = await openPair();
    const output = new PassThrough();
    const piped = failure(pipeStreams(here, new PassThrough(), output));
    there.write('half of');
    await once(output, 'readable');
    await there.close();
    expect(await piped).toMatchObject({ code: 'CHANNEL_CLOSED', fields: { peer: 'bob' } });
  });

  it('[P15] rejects with CHANNEL_CLOSED where the peer closes it after its end, and we are still sending', async () => {
    const { here, there } = await openPair();
    const output = new PassThrough();
    const piped = failure(pipeStreams(here, new PassThrough(), output));
    there.end('all of it');
    await once(here, 'end');
    expect(String(output.read())).toBe('all of it');
    void there.close();
    expect(await piped).toMatchObject({ name: 'ChatosError', code: 'CHANNEL_CLOSED' });
  });

  it('[P15] rejects with CHANNEL_CLOSED where it had been closed before', async () => {
    const { here, there } = await openPair();
    there.write('half of');
    await once(here, 'readable');
    const ended = new Promise<void>((resolve) => here.once('inputEnd', resolve));
    await there.close();
    here.read(0);
    await ended;
    const piped = failure(pipeStreams(here, new PassThrough(), new PassThrough()));
    expect(await piped).toMatchObject({ name: 'ChatosError', code: 'CHANNEL_CLOSED' });
  });

  it('[P14] rejects with a coded error where it had broken before', async () => {
    const { here, there } = await openPair();
    const gone = closing(here);
    here.resume();
    there.destroy();
    await gone;
    const piped = failure(pipeStreams(here, new PassThrough(), new PassThrough()));
    expect(await piped).toMatchObject({ name: 'ChatosError', code: 'CHANNEL_ABORTED' });
  });

  it('takes no more of the input', async () => {
    const { here, there } = await openPair();
    const input = new PassThrough();
    const piped = failure(pipeStreams(here, input, new PassThrough()));
    there.destroy();
    await piped;
    expect(input.destroyed).toBe(true);
  });
});
