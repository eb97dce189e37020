import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Entry } from '../../../src/transfer/files/entry.ts';
import { EntryAnswers } from '../../../src/transfer/files/entry-answers.ts';
import type { Arrival } from '../../../src/transfer/files/folder-stack.ts';
import { isClaimed, type NameClaim } from '../../../src/transfer/files/name-claim.ts';
import { Place } from '../../../src/transfer/files/place.ts';
import { TargetFolder } from '../../../src/transfer/files/target-folder.ts';
import { lab } from './rig.ts';

const MIB = 1024 * 1024;

/** A folder that is received into, what is answered there, and what is over when it is aborted. */
function answering() {
  const inbox = lab();
  const root = new TargetFolder([], Place.open(inbox));
  const over = new AbortController();
  const claims: NameClaim[] = [];
  onTestFinished(() => {
    for (const claim of claims) claim.release();
    root.release();
  });
  const answers = new EntryAnswers('refuse', over.signal, (claim) => claims.push(claim));
  const arrival = (kind: Entry['kind'], size = 0): Arrival => {
    const target = kind === 'link' ? 'there' : '';
    const entry: Entry = { kind, path: 'x', mode: 0o755, modifiedNs: 0n, size, isSparse: false, target };
    const own = kind === 'folder' ? new TargetFolder(['x'], undefined, root, entry) : undefined;
    return { index: 0, entry, folder: root, name: 'x', own };
  };
  return { inbox, root, over, answers, arrival };
}

test('once it is over, nothing is claimed or made: nobody would let go of it', async () => {
  const { inbox, root, over, answers, arrival } = answering();
  over.abort();
  for (const kind of ['file', 'folder', 'link'] as const) {
    await expect(answers.answer(arrival(kind), false)).rejects.toMatchObject({ code: 'DATA_INCOMPLETE' });
  }
  expect(isClaimed(root.place, 'x')).toBe(false);
  expect(readdirSync(inbox)).toEqual([]);
});

test('a file that becomes shorter or goes while it is compared is not asked about', async () => {
  for (const [change, answer] of [
    [(file: string) => truncateSync(file, MIB + 5), { act: 'leave', outcome: 'refused' }],
    [
      (file: string) => {
        truncateSync(file, 0);
        rmSync(file);
      },
      { act: 'want', hashes: [] },
    ],
  ] as const) {
    const { inbox, answers, arrival } = answering();
    const file = path.join(inbox, 'x');
    writeFileSync(file, Buffer.alloc(3 * MIB, 7));
    const answered = answers.answer(arrival('file', 3 * MIB), false);
    change(file);
    expect(await answered).toMatchObject(answer);
  }
});
