import { describe, expect, it } from 'vitest';
import { DialogueRecords, type KeptDialogue } from '../../../src/bot/running/dialogue-records.ts';
import { MemoryLog } from '../../support/bot-log.ts';

const MAX_DIALOGUES = 10_000;
const MIB = 1024 * 1024;

function dialogue(peer: string, more: Partial<KeptDialogue> = {}): KeptDialogue {
  const kept = { id: '1', name: 'order', step: 'size', private: true, data: '{}', wrong: 0, asked: false, until: 5 };
  return { ...kept, peer, ...more };
}

/** What is read is what was `there` at first; while the disk is broken, nothing can be written. */
function memoryRecords(there: Readonly<Record<string, unknown>> = {}) {
  const disk = { broken: false };
  const records = new DialogueRecords({
    set: async () => {
      if (disk.broken) throw new Error('the disk is full');
    },
    delete: async () => true,
    async *entries() {
      yield* Object.entries(there);
    },
  });
  return { records, disk };
}

describe('the dialogues that a plugin has', () => {
  it('are as before where one cannot be written', async () => {
    const { records, disk } = memoryRecords();
    const ann = dialogue('ann');
    await records.set(ann);
    disk.broken = true;
    await expect(records.set(dialogue('ann', { step: 'count' }))).rejects.toThrow('the disk is full');
    await expect(records.set(dialogue('bob'))).rejects.toThrow('the disk is full');
    expect(records.all()).toEqual([ann]);
    expect(records.has(ann)).toBe(true);
  });

  it('do not count what could not be written', async () => {
    const { records, disk } = memoryRecords();
    disk.broken = true;
    const large = dialogue('ann', { data: 'x'.repeat(2 * MIB) });
    await expect(records.set(large)).rejects.toThrow('the disk is full');
    await expect(records.set({ ...large, peer: 'bob' })).rejects.toThrow('the disk is full');
  });

  it('keep what came behind one that could not be written', async () => {
    const { records, disk } = memoryRecords();
    disk.broken = true;
    const failed = records.set(dialogue('ann'));
    disk.broken = false;
    const next = dialogue('ann', { step: 'count' });
    await Promise.all([expect(failed).rejects.toThrow('the disk is full'), records.set(next)]);
    expect(records.all()).toEqual([next]);
  });

  it('are ten thousand at most, of which each may go on', async () => {
    const { records } = memoryRecords();
    for (let i = 0; i < MAX_DIALOGUES; i += 1) await records.set(dialogue(`peer ${i}`));
    const full = { code: 'QUEUE_FULL', message: 'the plugin has 10000 dialogues already' };
    await expect(records.set(dialogue('ann'))).rejects.toMatchObject(full);
    await records.set(dialogue('peer 7', { step: 'count' }));
    await records.delete(records.get('peer 8')!);
    await records.set(dialogue('ann'));
    expect(records.size).toBe(MAX_DIALOGUES);
  });

  it('take three MiB at most, with what they replace given back', async () => {
    const { records } = memoryRecords();
    const large = dialogue('ann', { data: 'x'.repeat(2 * MIB) });
    await records.set(large);
    await records.set({ ...large, step: 'count' });
    await expect(records.set(dialogue('bob', { data: 'x'.repeat(MIB) }))).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(records.get('bob')).toBeUndefined();
    await records.set(dialogue('bob', { data: 'x'.repeat(MIB - 1_000) }));
  });

  it('are known when they have been read, those that are of use, and not in the place of newer ones', async () => {
    const ann = dialogue('ann');
    const { records } = memoryRecords({
      'dialogue ann': ann,
      'dialogue bob': dialogue('bob'),
      'dialogue cid': { ...dialogue('cid'), until: 'soon' },
      'dialogue dan': null,
    });
    const newer = dialogue('bob', { step: 'count' });
    await records.set(newer);
    expect(records.isRead).toBe(false);
    await records.read(new MemoryLog());
    expect(records.isRead).toBe(true);
    expect(records.all()).toEqual([newer, ann]);
  });
});
