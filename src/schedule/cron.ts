import { CronTime } from 'cron';
import { ChatosError } from '../errors.ts';

/** When something is due, again and again. */
export interface CronSpec {
  /** Five fields (minute, hour, day of month, month, day of week), or six with seconds in front. */
  readonly cron: string;
  /** An IANA time zone, as in `Europe/Paris`. @default the system's */
  readonly timeZone?: string | undefined;
}

/** A compiled cron expression: tells the next time after a given one, in the zone's own days (DST included). */
export interface Cron {
  /** @throws {ChatosError} `INVALID_ARGUMENT` where there is none within eight years, as for the 30th of February */
  next(after: Date): Date;
}

/**
 * Compiles a cron expression.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where the expression or the time zone is wrong; the message says why
 */
export function parseCron({ cron, timeZone }: CronSpec): Cron {
  const invalid = (why: string): ChatosError =>
    new ChatosError('INVALID_ARGUMENT', `'${cron}' is not a cron expression: ${why}`, { fields: { cron, timeZone } });
  const checked = CronTime.validateCronExpression(cron);
  if (!checked.valid) throw invalid(checked.error?.message ?? 'it cannot be read');
  const zone = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  let time: CronTime;
  try {
    time = new CronTime(cron, zone);
  } catch {
    throw new ChatosError('INVALID_ARGUMENT', `'${zone}' is not a time zone; expected one such as Europe/Paris or UTC`);
  }
  const next = (after: Date): Date => {
    try {
      return time.getNextDateFrom(after, zone).toJSDate();
    } catch {
      throw invalid('it never comes true');
    }
  };
  next(new Date());
  return { next };
}
