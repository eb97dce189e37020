import { describe, expect, it } from 'vitest';
import { parseCron } from '../../src/schedule/cron.ts';
import { Job } from '../../src/schedule/job.ts';
import { FakeClock } from '../support/bot-clock.ts';
import { signalled } from '../support/bot-world.ts';
import { HOUR, MINUTE, SECOND, settle, startJob } from './starting.ts';

describe('Job', () => {
  it('reports a problem with its name, and with what is known of it', async () => {
    const reported: unknown[] = [];
    const { clock } = startJob('* * * * *', {
      name: 'tidy',
      run: () => Promise.reject(new Error('full')),
      onProblem: (message, fields) => void reported.push([message, fields]),
    });
    clock.advance(MINUTE);
    await settle();
    expect(reported).toEqual([['tidy: a run failed: full', { job: 'tidy', error: 'full' }]]);
  });

  it('does not run when it is made, then runs at each time', async () => {
    const { clock, runs } = startJob('*/5 * * * *');
    expect(runs).toEqual([]);
    for (let minute = 0; minute < 11; minute++) {
      clock.advance(MINUTE);
      await settle();
    }
    expect(runs).toEqual(['10:05:00', '10:10:00']);
  });

  it('tells when it runs next', async () => {
    const { job, clock } = startJob('0 12 * * *');
    expect(job.next?.toISOString()).toBe('2025-06-01T12:00:00.000Z');
    clock.advance(2 * HOUR);
    await settle();
    expect(job.next?.toISOString()).toBe('2025-06-02T12:00:00.000Z');
  });

  it('cuts its waits at 60 seconds, so that a clock that was set is noticed', () => {
    const { clock } = startJob('0 0 1 1 *');
    clock.advance(10 * MINUTE);
    expect(clock.waits.length).toBeGreaterThan(9);
    expect(Math.max(...clock.waits)).toBe(MINUTE);
    expect(clock.pending).toBe(1);
  });

  it('waits exactly as long as is left where that is less', () => {
    const { clock } = startJob('30 * * * * *', { start: '2025-06-01T10:00:12.250Z' });
    expect(clock.waits).toEqual([17_750]);
  });

  it('runs a tick that comes late, once, however many were missed, and goes on from there', async () => {
    const { job, clock, runs } = startJob('* * * * *');
    clock.jump(3 * HOUR + 20 * SECOND);
    clock.advance(0);
    await settle();
    expect(runs).toEqual(['13:00:20']);
    clock.advance(MINUTE);
    await settle();
    expect(runs).toEqual(['13:00:20', '13:01:00']);
    expect(job.next?.toISOString()).toBe('2025-06-01T13:02:00.000Z');
  });

  it('runs at its time after the clock was set forward during a long wait', async () => {
    const { clock, runs } = startJob('0 18 * * *');
    clock.jump(7 * HOUR + 59 * MINUTE);
    clock.advance(2 * MINUTE);
    await settle();
    expect(runs).toEqual(['18:00:00']);
  });

  it('leaves out a tick that comes while the last run goes on', async () => {
    const { clock, runs, ends } = startJob('* * * * *', { slow: true });
    clock.advance(3 * MINUTE + 30 * SECOND);
    await settle();
    expect(runs).toEqual(['10:01:00']);
    ends[0]!();
    await settle();
    clock.advance(MINUTE);
    expect(runs).toEqual(['10:01:00', '10:04:00']);
  });

  it('does not run again after stop, and leaves no timer', async () => {
    const { job, clock, runs } = startJob('* * * * *');
    clock.advance(MINUTE);
    await settle();
    await job.stop();
    expect(clock.pending).toBe(0);
    clock.advance(HOUR);
    expect(runs).toEqual(['10:01:00']);
  });

  it('stop waits for the run under way', async () => {
    const { job, clock, ends } = startJob('* * * * *', { slow: true });
    clock.advance(MINUTE);
    let stopped = false;
    const stopping = job.stop().then(() => (stopped = true));
    await settle();
    expect(stopped).toBe(false);
    ends[0]!();
    await stopping;
    expect(stopped).toBe(true);
  });

  it('can be stopped from within its own run', async () => {
    const clock = new FakeClock('2025-06-01T10:00:00Z');
    const ran = signalled();
    let runs = 0;
    const job: Job = new Job(
      parseCron({ cron: '* * * * *', timeZone: 'UTC' }),
      () => {
        runs += 1;
        void job.stop().then(ran.resolve);
        return Promise.resolve();
      },
      clock,
    );
    clock.advance(MINUTE);
    await ran.promise;
    expect(clock.pending).toBe(0);
    clock.advance(HOUR);
    expect(runs).toBe(1);
  });
});
