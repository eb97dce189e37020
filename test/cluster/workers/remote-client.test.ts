import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { Link, type LinkNote } from '../../../src/cluster/workers/link.ts';
import { Peer } from '../../../src/cluster/workers/peer.ts';
import { RemoteClient } from '../../../src/cluster/workers/remote-client.ts';

const IGNORED = { onPost: () => undefined, onRoom: () => undefined, onClose: () => undefined };

/** What a worker hears of so many bytes of a link. */
async function heardOf(bytes: Buffer): Promise<{ notes: LinkNote[]; tells: string[] }> {
  const [notes, tells]: [LinkNote[], string[]] = [[], []];
  const stream = new PassThrough();
  // oxlint-disable-next-line no-new -- it listens to the stream
  new Link(stream, { ...IGNORED, onTell: (to) => tells.push(to), onNote: (note) => notes.push(note) });
  await new Promise((resolve) => stream.write(bytes, resolve));
  return { notes, tells };
}

test.each([
  { type: 'KO_PRIVATE', loginRequester: 'alice', loginTarget: 'bob' },
  { type: 'ID_PRIVATE', loginRequester: 'alice', loginTarget: 'bob', connectId: 7n },
] as const)(
  '$type goes to another worker with the word that the request waits no longer, wherever a link breaks',
  async (packet) => {
    const stream = new PassThrough();
    const written: Buffer[] = [];
    const link = new Link(stream, { ...IGNORED, onTell: () => undefined, onNote: () => undefined });
    stream.removeAllListeners('data').on('data', (chunk: Buffer) => written.push(chunk));
    const alice = {
      id: '1',
      login: 'alice',
      key: 'alice',
      remoteAddress: '',
      fingerprint: undefined,
      longBytes: 4,
    } as const;
    new RemoteClient({ ...alice, encrypted: false }, new Peer({ slot: 0, number: 0 }, link, 1)).send(packet);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const all = Buffer.concat(written);
    expect(all.length).toBeGreaterThan(0);
    for (let length = 0; length <= all.length; length++) {
      const { notes, tells } = await heardOf(all.subarray(0, length));
      expect(tells).toEqual([]);
      expect(notes.filter((note) => note.is === 'done' && !note.answer)).toEqual([]);
      expect(notes).toHaveLength(length === all.length ? 1 : 0);
    }
  },
);
