import { ChatosError } from '../errors.ts';
import { Zone } from '../util/zone.ts';
import { parseCron, type CronSpec } from './cron.ts';
import { tickAfter } from './ticks.ts';

/** A coming run of one of several schedules. */
export interface ComingRun<T extends CronSpec> {
  readonly due: Date;
  /** The time in the zone of its schedule, as `2026-11-23 09:00 Europe/Paris`; with seconds if any of the runs has them. */
  readonly time: string;
  /** The schedule, as it was given. */
  readonly schedule: T;
}

export interface ListRunsOptions {
  /** Runs after this time. @default now */
  readonly from?: Date;
  /** How many, 1 to 10000; the next run of each schedule is always included. @default 10 */
  readonly count?: number;
}

const MAX_COUNT = 10_000;

/**
 * The next runs of several schedules, sorted by time; at the same time, in the order of the schedules. A frequent schedule
 * hides no other: the next run of each is included.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if an expression, a time zone or the count is invalid
 */
export function listRuns<T extends CronSpec>(schedules: Iterable<T>, options: ListRunsOptions = {}): ComingRun<T>[] {
  const { from = new Date(), count = 10 } = options;
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
    throw new ChatosError('INVALID_ARGUMENT', `expected a count of 1 to ${MAX_COUNT} runs, found ${count}`);
  }
  const lanes = Array.from(schedules, (schedule) => {
    const cron = parseCron(schedule);
    return { schedule, cron, zone: new Zone(schedule.timeZone), next: tickAfter(cron, from.getTime()) };
  });
  const runs: { readonly due: number; readonly lane: (typeof lanes)[number] }[] = [];
  while (runs.length < count) {
    const [first, ...others] = lanes.filter(({ next }) => next !== undefined);
    if (first === undefined) break;
    const lane = others.reduce((best, other) => (other.next! < best.next! ? other : best), first);
    const due = lane.next!;
    runs.push({ due, lane });
    lane.next = tickAfter(lane.cron, due);
  }
  const unseen = lanes.filter((lane) => lane.next !== undefined && runs.every((run) => run.lane !== lane));
  unseen.sort((one, other) => one.next! - other.next!);
  for (const lane of unseen) runs.push({ due: lane.next!, lane });
  const withSeconds = runs.some(({ due }) => due % 60_000 !== 0);
  return runs.map(({ due, lane: { zone, schedule } }) => {
    return { due: new Date(due), time: zone.format(due, { withSeconds }), schedule };
  });
}
