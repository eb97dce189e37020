import { describe, expect, it } from 'vitest';
import { ChatosError } from '../../src/errors.ts';
import { Job } from '../../src/schedule/job.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { DAY, HOUR, MemoryRecord, MINUTE, SECOND, settle, startJob } from './starting.ts';

describe('a process that slept across ticks', () => {
  it.each(['none', 'last'] as const)('runs once, for the newest, with catchUp %s', async (catchUp) => {
    const { clock, ticks, job } = startJob('* * * * *', { catchUp });
    clock.jump(3 * HOUR + 20 * SECOND);
    clock.advance(0);
    await settle();
    expect(ticks).toEqual([{ due: new Date('2025-06-01T13:00:00Z'), lateMs: 20_000 }]);
    expect(job.next?.toISOString()).toBe('2025-06-01T13:01:00.000Z');
  });

  it('runs each with catchUp all, oldest first, also where nothing is kept', async () => {
    const { clock, ticks } = startJob('0 * * * *', { catchUp: 'all' });
    clock.jump(3 * HOUR + 20 * SECOND);
    clock.advance(0);
    await settle();
    expect(ticks.map(({ due }) => due.getUTCHours())).toEqual([11, 12, 13]);
  });

  it('runs the newest 100 of them, and reports the others', async () => {
    const { clock, ticks, problems } = startJob('* * * * *', { catchUp: 'all', record: new MemoryRecord() });
    await settle();
    clock.jump(3 * HOUR);
    clock.advance(0);
    await settle();
    expect(ticks).toHaveLength(100);
    expect(problems).toEqual([expect.stringContaining('80 are skipped')]);
  });

  it('runs a single late tick, and says how late it is', async () => {
    const { clock, ticks } = startJob('0 18 * * *', { start: '2025-06-01T17:59:30Z' });
    clock.jump(35 * SECOND);
    clock.advance(0);
    await settle();
    expect(ticks).toEqual([{ due: new Date('2025-06-01T18:00:00Z'), lateMs: 5_000 }]);
  });

  it('runs the ticks of the nights in which clocks are set, each once', async () => {
    for (const start of ['2025-03-29T12:00:00Z', '2025-10-25T12:00:00Z']) {
      const { clock, ticks } = startJob('30 2 * * *', { start, timeZone: 'Europe/Paris', catchUp: 'all' });
      clock.jump(2 * DAY);
      clock.advance(0);
      await settle();
      expect(ticks).toHaveLength(2);
    }
  });
});

describe('a clock that is set back', () => {
  it('makes no run early that had to wait', async () => {
    const { clock, ticks, ends } = startJob('* * * * *', { overlap: 'queue', slow: true });
    clock.advance(2 * MINUTE);
    clock.jump(-HOUR);
    ends[0]!();
    await settle();
    expect(ticks.map(({ lateMs }) => lateMs)).toEqual([0, 0]);
  });

  it('lets the job run at the times that come again', async () => {
    const { clock, runs, job } = startJob('0 * * * *');
    clock.advance(HOUR + MINUTE);
    await settle();
    clock.jump(-2 * HOUR);
    clock.advance(MINUTE);
    expect(job.next?.toISOString()).toBe('2025-06-01T10:00:00.000Z');
    clock.advance(HOUR);
    await settle();
    expect(runs).toEqual(['11:00:00', '10:00:00']);
  });
});

describe('what a job tells about itself', () => {
  it('its name, its next run, its last run and how many are under way', async () => {
    const { job, clock, ends } = startJob('* * * * *', { name: 'minutes', slow: true });
    expect(job).toMatchObject({ name: 'minutes', running: 0, lastRun: undefined, leftOut: 0 });
    clock.advance(MINUTE);
    const due = new Date('2025-06-01T10:01:00Z');
    expect(job.running).toBe(1);
    expect(job.lastRun).toEqual({ due, startedAt: due });
    clock.advance(10 * SECOND);
    ends[0]!();
    await settle();
    expect(job.running).toBe(0);
    expect(job.lastRun).toEqual({ due, startedAt: due, endedAt: new Date('2025-06-01T10:01:10Z'), ok: true });
    await job.stop();
    expect(job.next).toBeUndefined();
  });

  it.each<[string, () => Promise<boolean | void>]>([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
  ])('a run that %s has failed, is reported, and is followed by the next', async (_, run) => {
    const { job, clock, runs, problems } = startJob('* * * * *', { name: 'minutes', run });
    clock.advance(MINUTE);
    await settle();
    expect(job.lastRun).toMatchObject({ ok: false });
    expect(problems).toEqual(['minutes: a run failed: no']);
    clock.advance(MINUTE);
    expect(runs).toHaveLength(2);
  });

  it('a run that changes the date it is given changes nothing else', async () => {
    const record = new MemoryRecord();
    const { clock } = startJob('* * * * *', {
      record,
      catchUp: 'last',
      run: ({ due }) => {
        due.setFullYear(1999);
        return Promise.resolve();
      },
    });
    await settle();
    clock.advance(MINUTE);
    await settle();
    expect(record.until).toBe('2025-06-01T10:01:00.000Z');
  });

  it('that it never runs again, where it does not', async () => {
    const clock = new FakeClock('2025-06-01T10:00:00Z');
    const once = new Date('2025-06-01T10:01:00Z');
    const next = (after: Date): Date => {
      if (after >= once) throw new ChatosError('INVALID_ARGUMENT', 'it never matches');
      return once;
    };
    let runs = 0;
    const job = new Job({ next }, () => Promise.resolve(void (runs += 1)), clock);
    clock.advance(2 * MINUTE);
    await settle();
    expect(runs).toBe(1);
    expect(job.next).toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});

describe('a job that is stopped', () => {
  it('while its record is read neither runs nor writes', async () => {
    const record = new MemoryRecord('2025-06-01T09:00:00Z');
    const { job, clock, runs } = startJob('* * * * *', { record, catchUp: 'all' });
    await job.stop();
    await settle();
    expect(runs).toEqual([]);
    expect(record.writes).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('in the middle of making up runs no further tick', async () => {
    const record = new MemoryRecord('2025-06-01T09:50:00Z');
    const { job, clock, runs, ends } = startJob('* * * * *', { record, catchUp: 'all', slow: true });
    await settle();
    const stopped = Promise.all([job.stop(), job.stop()]);
    ends[0]!();
    await stopped;
    await settle();
    expect(runs).toHaveLength(1);
    expect(record.writes).toEqual(['09:51:00']);
    expect(clock.pending).toBe(0);
  });
});
