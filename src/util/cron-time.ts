import { createRequire } from 'node:module';
import type { CronTime } from 'cron';

const require = createRequire(import.meta.url);
let loaded: typeof CronTime | undefined;

/** The library that reads cron expressions, loaded when it is first needed: most commands and many bots never do. */
export function cronTime(): typeof CronTime {
  loaded ??= (require('cron') as { CronTime: typeof CronTime }).CronTime;
  return loaded;
}
