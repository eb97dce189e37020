import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FakeClock } from '../support/bot-clock.ts';
import { HOUR, MemoryRecord, MINUTE, SECOND, settle, startJob, type StartOptions } from './starting.ts';

const DAY_ONE = '2025-06-01';

/** Starts a job, lets `run` pass, sets the clock, and lets the time pass until `end`; returns when it ran, and for what. */
async function across(cron: string, start: string, set: readonly [at: string, to: string][], end: string, more = {}) {
  const started = startJob(cron, { start: `${DAY_ONE}T${start}Z`, ...more });
  const { clock } = started;
  const passUntil = async (time: string): Promise<void> => {
    // As slowly as a timer has it that a job sets.
    const until = Date.parse(time.includes('T') ? time : `${DAY_ONE}T${time}Z`);
    while (clock.now().getTime() < until) {
      clock.advance(Math.min(SECOND, until - clock.now().getTime()));
      await settle();
    }
  };
  for (const [at, to] of set) {
    await passUntil(at);
    clock.jump(Date.parse(`${DAY_ONE}T${to}Z`) - clock.now().getTime());
  }
  await passUntil(end);
  return { ...started, times: started.ticks.map(({ due }) => due.toISOString().slice(11, 16)) };
}

describe('a clock that is set back', () => {
  it('does not lose the tick that follows at once, which has not run yet', async () => {
    const { times, runs } = await across('0 8,9 * * *', '08:30:00', [['08:59:30', '07:59:40']], '09:30:00');
    expect(times).toEqual(['08:00', '09:00']);
    // Half a minute was left of the wait for 09:00.
    expect(runs).toEqual(['08:00:10', '09:00:00']);
  });

  it.each(['0 * * * *', '0 8,9,10 * * *'])('does not repeat a tick of %s that has run', async (cron) => {
    const { times } = await across(cron, '07:50:00', [['08:59:30', '07:59:40']], '10:30:00');
    expect(times).toEqual(['08:00', '09:00', '10:00']);
  });

  it.each(['08:00:01', '08:00:30', '08:05:00'])('by a second at %s neither doubles nor loses a tick', async (at) => {
    const to = new Date(Date.parse(`${DAY_ONE}T${at}Z`) - 2 * SECOND).toISOString().slice(11, 19);
    const { times } = await across('*/5 * * * *', '07:57:30', [[at, to]], '08:11:00');
    expect(times).toEqual(['08:00', '08:05', '08:10']);
  });

  it('by hours does not repeat what runs once a day', async () => {
    const { times } = await across('0 8 * * *', '07:00:00', [['10:00:00', '04:30:00']], `2025-06-02T09:00:00Z`);
    expect(times).toEqual(['08:00', '08:00']);
  });

  it('does not silence a job that runs often', async () => {
    const { times } = await across('*/10 * * * *', '07:55:00', [['08:01:00', '06:01:00']], '06:21:00');
    expect(times).toEqual(['08:00', '06:10', '06:20']);
  });

  it('to the right time again repeats nothing', async () => {
    const glitch: [string, string][] = [
      ['08:30:00', '05:30:00'],
      ['05:40:00', '08:41:00'],
    ];
    const { times } = await across('0 * * * *', '07:30:00', glitch, '09:10:00');
    expect(times).toEqual(['08:00', '09:00']);
  });

  it('by years, as it was wrong when the machine started, does not silence the job', async () => {
    const record = new MemoryRecord();
    const started = startJob('0 8 * * *', { start: '2038-01-19T07:59:30Z', record, catchUp: 'last' });
    started.clock.advance(MINUTE);
    await settle();
    expect(record.until).toBe('2038-01-19T08:00:00.000Z');
    started.clock.jump(Date.parse('2026-03-01T07:59:00Z') - started.clock.now().getTime());
    for (let minutes = 0; minutes < 3; minutes++) {
      started.clock.advance(MINUTE);
      await settle();
    }
    expect(started.dues()).toEqual(['2038-01-19T08:00', '2026-03-01T08:00']);
    expect(record.until).toBe('2026-03-01T08:00:00.000Z');
  });

  it('while no process runs does not repeat a tick that the record has', async () => {
    const record = new MemoryRecord('2025-06-01T08:00:00Z');
    const options: StartOptions = { start: '2025-06-01T07:59:40Z', record, catchUp: 'last' };
    const first = startJob('0 * * * *', options);
    await settle();
    expect(first.problems).toEqual([
      'job: the last run was in the future, at 2025-06-01T08:00:00.000Z, so ticks until then are not run again; was the clock changed?',
    ]);
    expect(first.job.next?.toISOString()).toBe('2025-06-01T09:00:00.000Z');
    // Nor does the process after that.
    const second = startJob('0 * * * *', options);
    await settle();
    second.clock.advance(2 * MINUTE);
    await settle();
    expect(second.dues()).toEqual([]);
    second.clock.advance(HOUR);
    await settle();
    expect(second.dues()).toEqual(['2025-06-01T09:00']);
    expect(record.until).toBe('2025-06-01T09:00:00.000Z');
  });

  it.each<[what: string, options: StartOptions]>([
    ['restart', { record: new MemoryRecord('2025-06-01T08:10:00Z'), catchUp: 'last' }],
    ['reload', { since: new Date('2025-06-01T08:20:00Z') }],
  ])('after a %s does not repeat what ran before it', async (_, options) => {
    const { clock, job, dues } = startJob('0 * * * *', { start: '2025-06-01T08:20:00Z', ...options });
    await settle();
    clock.jump(-21 * MINUTE);
    clock.advance(2 * MINUTE);
    await settle();
    expect(dues()).toEqual([]);
    expect(job.next?.toISOString()).toBe('2025-06-01T09:00:00.000Z');
  });

  it('before the job is begun again neither repeats a tick nor silences the job', async () => {
    const start = '2025-06-01T07:59:40Z';
    const ran = startJob('0 * * * *', { start, since: new Date('2025-06-01T08:00:00Z') });
    expect(ran.job.next?.toISOString()).toBe('2025-06-01T09:00:00.000Z');
    const wrong = startJob('0 * * * *', { start, since: new Date('2038-01-19T08:00:00Z') });
    expect(wrong.job.next?.toISOString()).toBe('2025-06-01T08:00:00.000Z');
  });
});

describe('a clock that is set forward', () => {
  it.each<[catchUp: 'none' | 'all', dues: string[]]>([
    ['none', ['11:00']],
    ['all', ['09:00', '10:00', '11:00']],
  ])('runs what it leaves out within a minute, with catchUp %s, and nothing twice', async (catchUp, dues) => {
    const { times, runs } = await across('0 * * * *', '08:30:10', [['08:40:30', '11:20:00']], '12:30:00', { catchUp });
    expect(times).toEqual([...dues, '12:00']);
    expect(runs[0]! <= '11:21:00').toBe(true);
  });

  it('and back again repeats nothing that ran meanwhile', async () => {
    const wrong: [string, string][] = [
      ['08:40:30', '11:20:00'],
      ['11:25:00', '08:45:30'],
    ];
    const { times } = await across('0 11 * * *', '08:30:10', wrong, '2025-06-02T11:30:00Z');
    expect(times).toEqual(['11:00', '11:00']);
  });
});

describe('a clock that is set again and again, by less than the time between two ticks', () => {
  const START = Date.parse(`${DAY_ONE}T07:13:21Z`);
  const course = fc.array(
    fc.oneof(
      fc.record({
        type: fc.constant('pass' as const),
        steps: fc.nat(60),
        part: fc.double({ min: 0, max: 0.02, noNaN: true }),
      }),
      fc.record({ type: fc.constant('set' as const), part: fc.double({ min: -0.9, max: 1.5, noNaN: true }) }),
      fc.record({ type: fc.constant('restart' as const), part: fc.double({ min: -0.9, max: 1.5, noNaN: true }) }),
    ),
    { minLength: 5, maxLength: 25 },
  );

  it.each([
    ['*/5 * * * *', 5 * MINUTE],
    ['0 * * * *', HOUR],
    ['0 0,6,12,18 * * *', 6 * HOUR],
  ])('%s runs each tick once', async (cron, gap) => {
    await fc.assert(
      fc.asyncProperty(course, async (actions) => {
        const record = new MemoryRecord();
        const dues: number[] = [];
        const begin = (clock?: FakeClock) => {
          const run: StartOptions['run'] = ({ due }) => Promise.resolve(void dues.push(due.getTime()));
          const start = new Date(START).toISOString();
          return startJob(cron, { start, record, catchUp: 'all', overlap: 'queue', run, ...(clock && { clock }) });
        };
        let { job, clock } = begin();
        let latest = START;
        const pass = async (ms: number): Promise<void> => {
          clock.advance(ms);
          latest = Math.max(latest, clock.now().getTime());
          await settle();
        };
        // Never before the start, and never further back than to the tick before the last.
        const set = (part: number): void => {
          const earliest = Math.max(START, latest - 0.9 * gap);
          clock.jump(Math.max(part * gap, earliest - clock.now().getTime()));
        };
        const notice = async (): Promise<void> => {
          for (let seconds = 0; seconds < 61; seconds += 1) await pass(SECOND);
        };
        await settle();
        for (const action of actions) {
          if (action.type === 'pass') {
            for (let step = 0; step < action.steps; step += 1) await pass(action.part * gap);
            continue;
          }
          if (action.type === 'restart') await job.stop();
          set(action.part);
          if (action.type === 'restart') ({ job } = begin(clock));
          await settle();
          await notice();
        }
        await job.stop();
        const first = Math.ceil((START + 1) / gap) * gap;
        const expected = Array.from(
          { length: Math.floor((latest - first) / gap) + 1 },
          (_, index) => first + index * gap,
        );
        expect(dues.toSorted((a, b) => a - b)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a record of a time that cannot be', () => {
  it.each(['-271821-04-20T00:00:00.000Z', '-000001-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z'])(
    '%s is reported once, and the job goes on',
    async (until) => {
      const record = new MemoryRecord(until);
      const { clock, problems, dues } = startJob('* * * * *', { record, catchUp: 'all' });
      await settle();
      expect(problems).toEqual([expect.stringMatching(/cannot read the time of the last run.*not a time since 1970/)]);
      clock.advance(MINUTE);
      await settle();
      expect(dues()).toEqual(['2025-06-01T10:01']);
      expect(record.until).toBe('2025-06-01T10:01:00.000Z');
    },
  );

  it.each(['+275760-09-13T00:00:00.000Z', '+275760-09-12T00:00:00.000Z', '+010000-01-01T00:00:00.000Z', '2038-01-19'])(
    '%s, in the future, is reported once, and the job goes on',
    async (until) => {
      const record = new MemoryRecord(until);
      const { clock, problems, dues } = startJob('0 * * * *', { record, catchUp: 'all' });
      await settle();
      expect(problems).toEqual([expect.stringMatching(/the last run was in the future/)]);
      clock.advance(HOUR);
      await settle();
      expect(dues()).toEqual(['2025-06-01T11:00']);
      expect(record.until).toBe('2025-06-01T11:00:00.000Z');
    },
  );
});
