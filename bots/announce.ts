// Posts the time on a schedule. Fixed texts need no code: see `announcements` in the configuration.
//
// Options: cron (default: every full hour), timeZone (default: the system's).
import { defineBot } from 'chatosbot';
import * as v from 'valibot';

export default defineBot({
  options: v.object({ cron: v.optional(v.string(), '0 * * * *'), timeZone: v.optional(v.string()) }),

  schedule: ({ cron, timeZone }) => ({
    time: {
      cron,
      timeZone,
      async run(ctx, { due }) {
        const time = due.toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
        await ctx.say(`It is ${time}.`);
      },
    },
  }),
});
