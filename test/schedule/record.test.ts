import { describe, expect, it } from 'vitest';
import type { JobRecord } from '../../src/schedule/ledger.ts';
import { DAY, HOUR, MemoryRecord, MINUTE, settle, startJob } from './starting.ts';

const EVERY_MINUTE = '* * * * *';

/** Runs for three minutes; returns what it did. */
async function runWith(record: JobRecord) {
  const started = startJob(EVERY_MINUTE, { record, catchUp: 'last' });
  await settle();
  for (let minute = 0; minute < 3; minute++) {
    started.clock.advance(MINUTE);
    await settle();
  }
  return started;
}

describe('the record of a job', () => {
  it('is written at the start, then when a run has ended', async () => {
    const record = new MemoryRecord('2025-06-01T09:59:30Z');
    const { clock, ends } = startJob(EVERY_MINUTE, { record, catchUp: 'last', slow: true });
    await settle();
    ends[0]!();
    await settle();
    expect(record.writes).toEqual(['10:00:00']);
    clock.advance(MINUTE);
    await settle();
    expect(record.writes).toEqual(['10:00:00']);
    ends[1]!();
    await settle();
    expect(record.writes).toEqual(['10:00:00', '10:01:00']);
  });

  it('moves on also where a run fails: it is not run again for ever', async () => {
    const record = new MemoryRecord();
    const { clock, job } = startJob(EVERY_MINUTE, { record, catchUp: 'last', run: () => Promise.resolve(false) });
    await settle();
    clock.advance(MINUTE);
    await settle();
    expect(job.lastRun).toMatchObject({ ok: false });
    expect(record.writes).toEqual(['10:00:00', '10:01:00']);
  });

  it('stays before a run that failed because it was told to stop', async () => {
    const record = new MemoryRecord();
    const { clock, job, ends } = startJob(EVERY_MINUTE, { record, catchUp: 'last', slow: true });
    await settle();
    clock.advance(MINUTE);
    const stopped = job.stop();
    ends[0]!(false);
    await stopped;
    expect(record.writes).toEqual(['10:00:00']);
  });

  it('is written before stop resolves', async () => {
    const record = new MemoryRecord();
    let written = false;
    const write = async (until: Date): Promise<void> => {
      await settle();
      await record.write(until);
      written = true;
    };
    const { clock, job } = startJob(EVERY_MINUTE, { record: { read: () => record.read(), write }, catchUp: 'last' });
    await settle();
    await settle();
    written = false;
    clock.advance(MINUTE);
    await job.stop();
    expect(written).toBe(true);
    expect(record.until).toBe('2025-06-01T10:01:00.000Z');
  });

  it('stays before the oldest run under way, in whatever order they end', async () => {
    const record = new MemoryRecord();
    const { clock, ends } = startJob(EVERY_MINUTE, { record, catchUp: 'all', overlap: 'parallel', slow: true });
    await settle();
    for (let minute = 0; minute < 4; minute++) clock.advance(MINUTE);
    ends[2]!();
    ends[1]!();
    await settle();
    expect(record.until).toBe('2025-06-01T10:00:00.000Z');
    const again = startJob(EVERY_MINUTE, { record, catchUp: 'all', start: '2025-06-01T10:04:30Z' });
    ends[0]!();
    await settle();
    expect(record.until).toBe('2025-06-01T10:04:30.000Z');
    expect(again.dues().at(0)).toBe('2025-06-01T10:01');
  });

  it.each<[string, () => Promise<Date | undefined>]>([
    ['rejects', () => Promise.reject(new Error('disk gone'))],
    [
      'throws',
      () => {
        throw new Error('disk gone');
      },
    ],
    ['has no time', () => Promise.resolve(new Date('disk gone'))],
    ['never answers', () => new Promise(() => undefined)],
  ])('where reading it %s, the job runs on schedule', async (_, read) => {
    const { runs, job } = await runWith({ read, write: () => Promise.resolve() });
    expect(runs).toEqual(['10:01:00', '10:02:00', '10:03:00']);
    await job.stop();
  });

  it('is reported where it cannot be read', async () => {
    const record = new MemoryRecord();
    const { problems } = await runWith({
      read: () => Promise.reject(new Error('disk gone')),
      write: (until) => record.write(until),
    });
    expect(problems).toEqual(['job: cannot read the time of the last run, so missed ticks are not run: disk gone']);
    expect(record.until).toBe('2025-06-01T10:03:00.000Z');
  });

  it('is reported once where it cannot be written, and the job runs on schedule', async () => {
    const { runs, problems } = await runWith({
      read: () => Promise.resolve(undefined),
      write: () => Promise.reject(new Error('disk full')),
    });
    expect(runs).toEqual(['10:01:00', '10:02:00', '10:03:00']);
    expect(problems).toEqual([expect.stringMatching(/cannot save.*disk full/)]);
  });

  it('that lies in the future is reported, and does not silence the job', async () => {
    const record = new MemoryRecord('2031-01-01T00:00:00Z');
    const { runs, problems } = await runWith(record);
    expect(runs).toEqual(['10:01:00', '10:02:00', '10:03:00']);
    expect(problems).toEqual([expect.stringMatching(/in the future, at 2031-01-01T00:00:00\.000Z/)]);
    const again = startJob(EVERY_MINUTE, { record, catchUp: 'last', start: '2025-06-01T10:08:30Z' });
    await settle();
    expect(again.dues()).toEqual(['2025-06-01T10:08']);
  });

  it('follows a clock that is set back', async () => {
    const record = new MemoryRecord();
    const { clock, ticks } = startJob('0 * * * *', { record, catchUp: 'last' });
    await settle();
    clock.advance(HOUR);
    await settle();
    clock.jump(-DAY);
    clock.advance(HOUR);
    await settle();
    expect(ticks.map(({ due }) => due.toISOString())).toEqual(['2025-06-01T11:00:00.000Z', '2025-05-31T12:00:00.000Z']);
    expect(record.until).toBe('2025-05-31T12:00:00.000Z');
  });
});
