import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MemoryRecord, MINUTE, settle, startJob, type StartOptions } from './starting.ts';

/** A process with the job starts at `start`, having last run until `until`. */
async function restart(cron: string, until: string | undefined, start: string, options: StartOptions = {}) {
  const record = new MemoryRecord(until);
  const started = startJob(cron, { start, record, ...options });
  await settle();
  return { ...started, record };
}

describe('a job that starts after ticks were missed', () => {
  const [until, start] = ['2025-06-01T07:00:00Z', '2025-06-01T10:30:00Z'];

  it.each([
    ['none', []],
    ['last', ['2025-06-01T10:00']],
    ['all', ['2025-06-01T08:00', '2025-06-01T09:00', '2025-06-01T10:00']],
  ] as const)('with catchUp %s makes up for %j', async (catchUp, expected) => {
    const { dues, problems } = await restart('0 * * * *', until, start, { catchUp });
    expect(dues()).toEqual(expected);
    expect(problems).toEqual([]);
  });

  it('says how late they are', async () => {
    const { ticks } = await restart('0 * * * *', until, start, { catchUp: 'all' });
    expect(ticks.map(({ lateMs }) => lateMs / MINUTE)).toEqual([150, 90, 30]);
  });

  it('keeps nothing with catchUp none', async () => {
    const { record, clock, runs } = await restart('0 * * * *', until, start, { catchUp: 'none' });
    clock.advance(HOUR);
    await settle();
    expect(runs).toEqual(['11:00:00']);
    expect(record.writes).toEqual([]);
  });

  it.each(['last', 'all'] as const)('makes up for none twice, with catchUp %s', async (catchUp) => {
    const { record } = await restart('0 * * * *', until, start, { catchUp });
    const again = startJob('0 * * * *', { start, record, catchUp });
    await settle();
    expect(again.runs).toEqual([]);
  });

  it('makes up for them one after the other, the next tick after them', async () => {
    const { runs, ends, clock, ticks } = await restart('0 * * * *', until, start, { catchUp: 'all', slow: true });
    expect(runs).toHaveLength(1);
    clock.advance(30 * MINUTE);
    for (let run = 0; run < 4; run++) {
      expect(ticks).toHaveLength(run + 1);
      ends[run]!();
      await settle();
    }
    expect(ticks.map(({ due }) => due.getUTCHours())).toEqual([8, 9, 10, 11]);
  });

  it('goes on with the rest where it was killed while it made up for them', async () => {
    const { record, ends, runs } = await restart('0 * * * *', until, start, { catchUp: 'all', slow: true });
    ends[0]!();
    await settle();
    expect(runs).toHaveLength(2);
    const again = startJob('0 * * * *', { start, record, catchUp: 'all' });
    await settle();
    expect(again.dues()).toEqual(['2025-06-01T09:00', '2025-06-01T10:00']);
  });

  it('makes up for 100 at most, the newest, and reports how many it leaves out', async () => {
    const { job, dues, problems } = await restart('* * * * *', until, start, { catchUp: 'all' });
    expect(dues()).toHaveLength(100);
    expect([dues()[0], dues().at(-1)]).toEqual(['2025-06-01T08:51', '2025-06-01T10:30']);
    expect(problems).toEqual(['job: of the missed ticks only the newest 100 are run; 110 are skipped']);
    expect(job.leftOut).toBe(110);
  });

  it('does not count the ticks of years', async () => {
    const { dues, problems } = await restart('* * * * * *', '1970-01-01T00:00:00Z', start, { catchUp: 'all' });
    expect(dues()).toHaveLength(100);
    expect(problems).toEqual([expect.stringContaining('1000 or more are skipped')]);
  });
});

describe('a job that starts for the first time', () => {
  it.each(['last', 'all'] as const)('has missed nothing, with catchUp %s', async (catchUp) => {
    const { runs, record } = await restart('0 * * * *', undefined, '2025-06-01T10:30:00Z', { catchUp });
    expect(runs).toEqual([]);
    expect(record.until).toBe('2025-06-01T10:30:00.000Z');
  });

  it('is on record however soon it stops', async () => {
    const record = new MemoryRecord();
    const { job } = startJob('0 * * * *', { start: '2025-06-01T10:59:59Z', record, catchUp: 'last' });
    await job.stop();
    expect(record.until).toBe('2025-06-01T10:59:59.000Z');
    const again = startJob('0 * * * *', { start: '2025-06-01T11:00:01Z', record, catchUp: 'last' });
    await settle();
    expect(again.dues()).toEqual(['2025-06-01T11:00']);
  });

  it('leaves what it has missed to the next one where it stops before it knows of it', async () => {
    const record = new MemoryRecord('2025-06-01T09:30:00Z');
    const { job, runs } = startJob('0 * * * *', { start: '2025-06-01T10:59:59Z', record, catchUp: 'last' });
    await job.stop();
    expect([record.until, runs]).toEqual(['2025-06-01T09:30:00.000Z', []]);
  });

  it('is made up for where it was killed before its first tick', async () => {
    const { record } = await restart('0 * * * *', undefined, '2025-06-01T10:59:59Z', { catchUp: 'last' });
    const again = startJob('0 * * * *', { start: '2025-06-01T11:00:01Z', record, catchUp: 'last' });
    await settle();
    expect(again.dues()).toEqual(['2025-06-01T11:00']);
  });
});

describe('a process that is killed', () => {
  it.each(['last', 'all'] as const)('across a tick runs it exactly once, with catchUp %s', async (catchUp) => {
    const record = new MemoryRecord();
    const dues: string[] = [];
    // Eight lives of 40 minutes each, 5 minutes apart: some ticks come within a life, others between two.
    for (let life = 0, start = Date.parse('2025-06-01T09:30:00Z'); life < 8; life++, start += 45 * MINUTE) {
      const each = startJob('0 * * * *', { start: new Date(start).toISOString(), record, catchUp });
      await settle();
      each.clock.advance(40 * MINUTE);
      await settle();
      dues.push(...each.dues());
    }
    expect(dues).toEqual([10, 11, 12, 13, 14, 15].map((hour) => `2025-06-01T${hour}:00`));
  });

  it('and starts again at the very second of a tick runs it once', async () => {
    const record = new MemoryRecord('2025-06-01T09:00:00Z');
    const at = startJob('0 * * * *', { start: '2025-06-01T10:00:00Z', record, catchUp: 'last' });
    await settle();
    expect(at.dues()).toEqual(['2025-06-01T10:00']);
    at.clock.advance(MINUTE);
    await settle();
    expect(at.dues()).toEqual(['2025-06-01T10:00']);
  });

  it('in the middle of a run does it again', async () => {
    const record = new MemoryRecord('2025-06-01T09:30:00Z');
    const killed = startJob('0 * * * *', { start: '2025-06-01T09:59:00Z', record, catchUp: 'last', slow: true });
    await settle();
    killed.clock.advance(MINUTE);
    await settle();
    expect(killed.dues()).toEqual(['2025-06-01T10:00']);
    const again = startJob('0 * * * *', { start: '2025-06-01T10:00:05Z', record, catchUp: 'last' });
    await settle();
    expect(again.dues()).toEqual(['2025-06-01T10:00']);
  });
});

describe('the nights in which Paris sets its clocks', () => {
  const zone = { timeZone: 'Europe/Paris', catchUp: 'all' } as const;

  it('a missed time of the hour that is left out is made up for once', async () => {
    const night = ['2025-03-29T12:00:00Z', '2025-03-30T12:00:00Z'] as const;
    expect((await restart('30 2 * * *', ...night, zone)).dues()).toEqual(['2025-03-30T01:00']);
  });

  it('a missed time of the hour that comes twice is made up for once', async () => {
    const night = ['2025-10-25T12:00:00Z', '2025-10-26T12:00:00Z'] as const;
    expect((await restart('30 2 * * *', ...night, zone)).dues()).toEqual(['2025-10-26T00:30']);
  });

  it('one that ran in the first of the two hours is not made up for in the second', async () => {
    const between = ['2025-10-26T00:30:00Z', '2025-10-26T01:45:00Z'] as const;
    expect((await restart('30 2 * * *', ...between, zone)).dues()).toEqual([]);
  });

  it('a job of every half hour makes up for both of the hours', async () => {
    const night = ['2025-10-26T00:00:00Z', '2025-10-26T01:59:00Z'] as const;
    const dues = ['2025-10-26T00:30', '2025-10-26T01:00', '2025-10-26T01:30'];
    expect((await restart('*/30 * * * *', ...night, zone)).dues()).toEqual(dues);
  });

  it('a process killed across the tick in the gap runs it exactly once', async () => {
    const { record, clock } = await restart('30 2 * * *', undefined, '2025-03-30T00:30:00Z', zone);
    clock.advance(29 * MINUTE);
    const again = startJob('30 2 * * *', { start: '2025-03-30T01:01:00Z', record, ...zone });
    await settle();
    again.clock.advance(DAY);
    await settle();
    expect(again.dues()).toEqual(['2025-03-30T01:00', '2025-03-31T00:30']);
  });
});

it('a machine that wakes when a tick is due has missed those before it, and that one is the last', async () => {
  const { clock, dues } = startJob('0 * * * *', { start: '2025-06-01T10:30:00Z', catchUp: 'last' });
  await settle();
  clock.jump(90 * MINUTE);
  clock.advance(0);
  await settle();
  expect(dues()).toEqual(['2025-06-01T12:00']);
});
