import type { CronSpec } from '../schedule/cron.ts';
import type { LoadedPlugin } from './loader.ts';

/** A text that is posted at the times of a cron expression. */
export interface Announcement extends CronSpec {
  readonly text: string;
  /** To one login. @default to everyone */
  readonly to?: string | undefined;
}

/** The plugin that posts the announcements of the configuration: a plugin like any other. */
export function announcementsPlugin(announcements: readonly Announcement[]): LoadedPlugin {
  return {
    name: 'announcements',
    file: '',
    hooks: {
      onStart(bot) {
        for (const { text, to, ...when } of announcements) {
          bot.schedule(when, () => (to === undefined ? bot.say(text) : bot.tell(to, text)));
        }
      },
    },
  };
}
