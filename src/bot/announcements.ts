import type { ScheduleSpec } from '../schedule/schedule.ts';
import type { ScheduledTask } from './plugin/plugin.ts';
import type { LoadedPlugin } from './loading/read-plugin.ts';

/** A text that is posted at the times of a cron expression. */
export interface Announcement extends ScheduleSpec {
  readonly text: string;
  /** To one login. @default to everyone */
  readonly to?: string | undefined;
}

/** The plugin that posts the announcements of the configuration: a plugin like any other. */
export function announcementsPlugin(announcements: readonly Announcement[]): LoadedPlugin {
  const schedule = new Map<string, ScheduledTask>();
  for (const { text, to, ...when } of announcements) {
    const run: ScheduledTask['run'] = (ctx) => (to === undefined ? ctx.say(text) : ctx.tell(to, text));
    const base = to === undefined ? text : `${text} (to ${to})`;
    let name = base;
    for (let number = 2; schedule.has(name); number += 1) name = `${base} (${number})`;
    schedule.set(name, { ...when, run });
  }
  return {
    name: 'announcements',
    file: '',
    hooks: {},
    commands: new Map(),
    schedule: () => Promise.resolve(schedule),
    timers: new Map(),
    dialogues: new Map(),
    before: [],
    after: [],
    optionsSchema: undefined,
  };
}
