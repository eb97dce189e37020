import { describe, expect, it } from 'vitest';
import { MemoryRecord, MINUTE, settle, startJob, type StartOptions } from './starting.ts';

/** A job of every minute whose runs do not end by themselves, after some minutes. */
async function afterMinutes(minutes: number, options: StartOptions) {
  const started = startJob('* * * * *', { slow: true, ...options });
  await settle();
  for (let minute = 0; minute < minutes; minute++) started.clock.advance(MINUTE);
  await settle();
  return started;
}

describe('ticks that come while a run is under way', () => {
  it('are left out with overlap skip', async () => {
    const { job, dues, problems } = await afterMinutes(3, { overlap: 'skip' });
    expect(dues()).toEqual(['2025-06-01T10:01']);
    expect(job.running).toBe(1);
    expect(job.leftOut).toBe(2);
    expect(problems).toEqual([]);
  });

  it('count as dealt with where they are left out: the record goes past them', async () => {
    const record = new MemoryRecord();
    const { ends } = await afterMinutes(3, { overlap: 'skip', catchUp: 'all', record });
    ends[0]!();
    await settle();
    expect(record.until).toBe('2025-06-01T10:03:00.000Z');
  });

  it('wait their turn with overlap queue', async () => {
    const { job, ends, ticks, runs, clock } = await afterMinutes(3, { overlap: 'queue' });
    expect(job.running).toBe(1);
    clock.jump(30_000);
    ends[0]!();
    await settle();
    ends[1]!();
    await settle();
    expect(runs).toEqual(['10:01:00', '10:03:30', '10:03:30']);
    expect(ticks.map(({ lateMs }) => lateMs)).toEqual([0, 90_000, 30_000]);
    expect(job.leftOut).toBe(0);
  });

  it('run beside it with overlap parallel', async () => {
    const { job, runs, ends } = await afterMinutes(3, { overlap: 'parallel' });
    expect(runs).toEqual(['10:01:00', '10:02:00', '10:03:00']);
    expect(job.running).toBe(3);
    ends[1]!();
    await settle();
    expect(job.running).toBe(2);
  });

  it('wait in a queue of 100; beyond, the oldest are left out, which is reported once', async () => {
    const { job, problems, ends, ticks } = await afterMinutes(110, { overlap: 'queue' });
    expect(job.leftOut).toBe(9);
    expect(problems).toEqual(['job: ticks are skipped: more than 100 wait']);
    ends[0]!();
    await settle();
    expect(ticks[1]!.due.toISOString()).toBe('2025-06-01T10:11:00.000Z');
  });

  it('run beside each other up to 100; beyond, they are left out, which is reported once', async () => {
    const { job, problems } = await afterMinutes(110, { overlap: 'parallel' });
    expect(job.running).toBe(100);
    expect(job.leftOut).toBe(10);
    expect(problems).toEqual(['job: ticks are skipped: 100 runs are in progress']);
  });

  it('are reported again where too many come once more, after all was done', async () => {
    const { clock, problems, ends } = await afterMinutes(101, { overlap: 'parallel' });
    for (const end of ends) end();
    await settle();
    for (let minute = 0; minute < 101; minute++) clock.advance(MINUTE);
    expect(problems).toHaveLength(2);
  });

  it('that wait are not run once the job stops, and are made up for by the next process', async () => {
    const record = new MemoryRecord();
    const { job, ends, dues, clock } = await afterMinutes(3, { overlap: 'queue', catchUp: 'all', record });
    const stopped = job.stop();
    ends[0]!();
    await stopped;
    expect(dues()).toEqual(['2025-06-01T10:01']);
    expect(clock.pending).toBe(0);
    const again = startJob('* * * * *', { record, catchUp: 'all', start: '2025-06-01T10:03:30Z' });
    await settle();
    expect(again.dues()).toEqual(['2025-06-01T10:02', '2025-06-01T10:03']);
  });
});

describe('missed ticks and new ones', () => {
  const missing = { catchUp: 'all', start: '2025-06-01T10:02:30Z' } as const;
  const record = (): MemoryRecord => new MemoryRecord('2025-06-01T10:00:00Z');

  it.each(['skip', 'queue'] as const)('run one after the other with overlap %s', async (overlap) => {
    const { ends, ticks, runs } = await afterMinutes(1, { ...missing, record: record(), overlap });
    expect(runs).toHaveLength(1);
    ends[0]!();
    await settle();
    ends[1]!();
    await settle();
    expect(ticks.map(({ due }) => due.getUTCMinutes())).toEqual([1, 2, 3]);
  });

  it('with overlap parallel the new one runs beside the missed ones, which take their turns', async () => {
    const { ends, ticks } = await afterMinutes(1, { ...missing, record: record(), overlap: 'parallel' });
    expect(ticks.map(({ due }) => due.getUTCMinutes())).toEqual([1, 3]);
    ends[0]!();
    await settle();
    expect(ticks.map(({ due }) => due.getUTCMinutes())).toEqual([1, 3, 2]);
  });
});
