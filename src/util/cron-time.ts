import { createRequire } from 'node:module';
import type { CronTime } from 'cron';

const require = createRequire(import.meta.url);
let loaded: typeof CronTime | undefined;

/** The library that parses cron expressions, loaded on demand: most commands and many bots do not need it. */
export function cronTime(): typeof CronTime {
  loaded ??= (require('cron') as { CronTime: typeof CronTime }).CronTime;
  return loaded;
}
