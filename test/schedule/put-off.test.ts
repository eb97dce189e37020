import { describe, expect, it } from 'vitest';
import { MemoryRecord, MINUTE, settle, startJob } from './starting.ts';

const EVERY_MINUTE = '* * * * *';

describe('a job that may not run for a while', () => {
  const around = async (options: Parameters<typeof startJob>[1]) => {
    let open = false;
    const record = new MemoryRecord();
    const started = startJob(EVERY_MINUTE, { record, isOpen: () => open, ...options });
    await settle();
    return { ...started, record, open: (value = true) => (open = value) };
  };
  const pass = async (clock: { advance(ms: number): void }, minutes: number): Promise<void> => {
    for (let i = 0; i < minutes; i += 1) {
      clock.advance(MINUTE);
      await settle();
    }
  };

  it('leaves ticks out with catchUp none', async () => {
    const { job, clock, open, dues } = await around({});
    await pass(clock, 3);
    open();
    job.resume();
    await pass(clock, 1);
    expect(dues()).toEqual(['2025-06-01T10:04']);
    expect(job.leftOut).toBe(3);
    expect(job.lastRun?.ok).toBe(true);
  });

  it('runs the newest with last, as soon as it may', async () => {
    const { job, clock, open, dues, ticks } = await around({ catchUp: 'last' });
    await pass(clock, 3);
    clock.advance(MINUTE / 2);
    open();
    job.resume();
    await settle();
    expect(dues()).toEqual(['2025-06-01T10:03']);
    expect(ticks[0]!.lateMs).toBe(MINUTE / 2);
  });

  it('runs each with all, in order, also what comes when it may run again and nobody has told', async () => {
    const { clock, open, dues } = await around({ catchUp: 'all' });
    await pass(clock, 3);
    open();
    await pass(clock, 2);
    expect(dues()).toEqual([1, 2, 3, 4, 5].map((minute) => `2025-06-01T10:0${minute}`));
  });

  it('puts the rest off again where it may run only once', async () => {
    const { job, clock, open, dues } = await around({ catchUp: 'all', run: () => Promise.resolve(void open(false)) });
    await pass(clock, 3);
    for (let i = 1; i <= 3; i += 1) {
      open();
      job.resume();
      await settle();
      expect(dues()).toHaveLength(i);
    }
    expect(dues()).toEqual([1, 2, 3].map((minute) => `2025-06-01T10:0${minute}`));
  });

  it('keeps the newest hundred with all, and tells of the rest', async () => {
    const { job, clock, open, dues, problems } = await around({ catchUp: 'all' });
    await pass(clock, 150);
    open();
    job.resume();
    await expect.poll(() => dues().length).toBe(100);
    expect(dues()[0]).toBe('2025-06-01T10:51');
    expect(job.leftOut).toBe(50);
    expect(problems).toEqual(['job: ticks are skipped: more than 100 are postponed']);
  });

  it.each(['last', 'all'] as const)(
    'does not count them as run with %s: the next process makes up for them',
    async (catchUp) => {
      const { job, clock, record } = await around({ catchUp });
      await pass(clock, 2);
      await job.stop();
      expect(record.until).toBe(catchUp === 'all' ? '2025-06-01T10:00:00.000Z' : '2025-06-01T10:01:00.000Z');
      const next = startJob(EVERY_MINUTE, { record, clock, catchUp });
      await settle();
      await settle();
      expect(next.dues().at(-1)).toBe('2025-06-01T10:02');
      expect(next.dues()).toHaveLength(catchUp === 'all' ? 2 : 1);
    },
  );
});

describe('a job that takes up where another left off', () => {
  it.each(['none', 'last'] as const)('runs the tick between, with catchUp %s', async (catchUp) => {
    const { dues, clock } = startJob(EVERY_MINUTE, {
      start: '2025-06-01T10:01:30Z',
      since: new Date('2025-06-01T10:00:30Z'),
      catchUp,
      record: new MemoryRecord('2025-06-01T10:00:00Z'),
    });
    await settle();
    clock.advance(0);
    await settle();
    expect(dues()).toEqual(['2025-06-01T10:01']);
  });
});
