import { describe, expect, it, onTestFinished } from 'vitest';
import { PluginJobs, type JobHandover } from '../../../src/bot/running/plugin-jobs.ts';
import { FakeClock } from '../../support/bot-clock.ts';
import { MemoryLog } from '../../support/bot-log.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Jobs whose records are in a map; `kept` stands there for each job, as an earlier process has left it. */
function startJobs(given: { readonly start?: string; readonly clock?: FakeClock; readonly kept?: unknown } = {}) {
  const { start = '2025-06-01T10:00:00Z', clock = new FakeClock(start), kept } = given;
  const log = new MemoryLog();
  const written = new Map<string, unknown>();
  const jobs = new PluginJobs({
    clock,
    records: {
      get: <T>(key: string) => Promise.resolve((written.get(key) ?? kept) as T | undefined),
      set: (key, value) => Promise.resolve(void written.set(key, value)),
      delete: (key) => Promise.resolve(written.delete(key)),
    },
    log,
    isOpen: () => true,
    isConnected: () => true,
    call: async (_, run) => {
      await run();
      return { ok: true };
    },
  });
  onTestFinished(() => jobs.stop());
  const dues: string[] = [];
  const add = (cron: string) =>
    jobs.add('job', { cron, timeZone: 'UTC', catchUp: 'last' }, ({ due }) => void dues.push(due.toISOString()), true);
  return { jobs, clock, log, written, dues, add };
}

it('a plugin may have a thousand jobs, and another when they have stopped', async () => {
  const { jobs } = startJobs();
  const add = () => jobs.add(undefined, { cron: '0 0 1 1 *', timeZone: 'UTC' }, () => undefined);
  for (let i = 0; i < 1_000; i += 1) add();
  expect(add).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
  await jobs.stop();
  expect(add).not.toThrow();
});

it('a job without a function to run is refused, with how it is written', () => {
  const { jobs } = startJobs();
  const spec = { cron: '@daily', timeZone: 'UTC', run: () => undefined };
  expect(() => jobs.add('job', spec, undefined as never)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('ctx.schedule({ cron }, run)'),
    }),
  );
  expect(jobs.status).toEqual([]);
});

it('a job whose name is no text is refused', () => {
  const { jobs } = startJobs();
  expect(() => jobs.add(5 as never, { cron: '@daily' }, () => undefined)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: 'the name of a job must be a text' }),
  );
});

describe('a record that is of no use', () => {
  const when = '0 * * * * UTC';

  it.each<[what: string, kept: unknown]>([
    ['nothing', null],
    ['a number', 7],
    ['a text', '2025-06-01T09:00:00.000Z'],
    ['a list', [when, '2025-06-01T09:00:00.000Z']],
    ['no time', { when }],
    ['a time that is null', { when, until: null }],
    ['a time that is a number', { when, until: 1_748_000_000_000 }],
    ['a time that is a short text', { when, until: '5' }],
    ['a time that is not one', { when, until: '2025-13-01T00:00:00.000Z' }],
    ['a time before all times', { when, until: '-271821-04-20T00:00:00.000Z' }],
    ['a time after all times', { when, until: '+275760-09-13T00:00:00.000Z' }],
    ['a time beyond them', { when, until: '+275760-09-13T00:00:00.001Z' }],
    ['NaN', { when, until: NaN }],
    ['no name of its times', { until: 'x' }],
  ])('as it is %s is reported once, and replaced', async (_, kept) => {
    const { clock, log, written, dues, add } = startJobs({ kept });
    add('0 * * * *');
    await turn();
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      expect.stringMatching(/^warn job: (cannot read the time of the last run|the last run was in the future)/),
    ]);
    clock.advance(HOUR);
    await turn();
    expect(dues).toEqual(['2025-06-01T11:00:00.000Z']);
    expect([...written.values()]).toEqual([{ when, until: '2025-06-01T11:00:00.000Z' }]);
  });

  it('as it is of other times says nothing', async () => {
    const { log, add } = startJobs({ kept: { when: '5 * * * * UTC', until: '2025-06-01T09:00:00.000Z' } });
    add('0 * * * *');
    await turn();
    expect(log.lines).toEqual([]);
  });
});

describe('a job that is cancelled', () => {
  async function hasRun() {
    const started = startJobs();
    const job = started.add('0 * * * *');
    await turn();
    started.clock.advance(HOUR);
    await turn();
    expect(started.written.size).toBe(1);
    return { ...started, job };
  }

  it('has no record any more', async () => {
    const { job, jobs, written } = await hasRun();
    job.cancel();
    await turn();
    expect([written.size, jobs.status]).toEqual([0, []]);
  });

  it('keeps its record where it is added again at once', async () => {
    const { job, add, written, clock, dues } = await hasRun();
    job.cancel();
    add('0 * * * *');
    await turn();
    expect(written.size).toBe(1);
    clock.advance(HOUR);
    await turn();
    expect(dues).toEqual(['2025-06-01T11:00:00.000Z', '2025-06-01T12:00:00.000Z']);
  });

  it('is not the one that has its name by then', async () => {
    const { job, jobs, add, written } = await hasRun();
    job.cancel();
    add('0 * * * *');
    job.cancel();
    await turn();
    expect([written.size, jobs.status.length]).toEqual([1, 1]);
  });
});

it('a job that its own run cancels as all stop leaves no record behind', async () => {
  const { jobs, clock, written } = startJobs();
  let end = (): void => undefined;
  const job = jobs.add('job', { cron: '0 * * * *', timeZone: 'UTC', catchUp: 'last' }, () => {
    job.cancel();
    return new Promise<void>((resolve) => (end = resolve));
  });
  await expect.poll(() => written.size).toBe(1);
  clock.advance(HOUR);
  await turn();
  const stopped = jobs.stop();
  end();
  await stopped;
  expect(written.size).toBe(0);
});

describe('a version that follows another', () => {
  async function follow(handover: JobHandover, clock: FakeClock): Promise<string[]> {
    const { jobs, dues, add } = startJobs({ clock });
    jobs.follow(handover);
    add('0 * * * *');
    clock.advance(HOUR + MINUTE);
    await turn();
    return dues;
  }

  it('does not repeat what the other ran before the clock was set back', async () => {
    const { jobs, clock, dues, add } = startJobs({ start: '2025-06-01T07:59:00Z' });
    add('0 * * * *');
    await turn();
    clock.advance(30 * MINUTE);
    await turn();
    expect(dues).toEqual(['2025-06-01T08:00:00.000Z']);
    clock.jump(-30 * MINUTE);
    const { handover } = jobs;
    await jobs.stop();
    expect(await follow(handover, clock)).toEqual(['2025-06-01T09:00:00.000Z']);
  });

  it('does not run what was due before it began, where it has other times', async () => {
    const { jobs, clock, add } = startJobs({ start: '2025-06-01T07:59:00Z' });
    add('0 * * * *');
    await turn();
    clock.jump(10 * MINUTE);
    const { handover } = jobs;
    await jobs.stop();
    const next = startJobs({ clock });
    next.jobs.follow(handover);
    next.add('5 * * * *');
    await turn();
    clock.advance(HOUR);
    await turn();
    expect(next.dues).toEqual(['2025-06-01T09:05:00.000Z']);
  });

  it('runs what the other left over', async () => {
    const { jobs, clock, add } = startJobs({ start: '2025-06-01T07:59:00Z' });
    add('0 * * * *');
    await turn();
    clock.jump(2 * MINUTE);
    const { handover } = jobs;
    await jobs.stop();
    clock.jump(MINUTE);
    expect((await follow(handover, clock))[0]).toBe('2025-06-01T08:00:00.000Z');
  });

  it('runs that once, also where its start adds a job again that it has cancelled', async () => {
    const { jobs, clock, dues, add } = startJobs({ start: '2025-06-01T10:00:30Z' });
    jobs.follow({ since: new Date('2025-06-01T09:59:30Z'), done: new Map() });
    const first = add('0 * * * *');
    clock.advance(1);
    await turn();
    expect(dues).toEqual(['2025-06-01T10:00:00.000Z']);
    first.cancel();
    add('0 * * * *');
    clock.advance(MINUTE);
    await turn();
    expect(dues).toEqual(['2025-06-01T10:00:00.000Z']);
  });

  it('does not run what was due before a job was added by a start that goes on and on', async () => {
    const { jobs, clock, dues, add } = startJobs({ start: '2025-06-01T10:00:30Z' });
    jobs.follow({ since: clock.now(), done: new Map() });
    clock.advance(90 * MINUTE);
    add('0 * * * *');
    clock.advance(MINUTE);
    await turn();
    expect(dues).toEqual([]);
  });
});
