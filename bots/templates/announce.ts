// Says something at fixed times. For fixed texts no code is needed: see `announcements` in the configuration.
import { defineBot } from 'chatosbot';

export default defineBot({
  schedule: {
    standup: {
      cron: '55 8 * * 1-5',
      timeZone: 'Europe/Paris',
      // Where the bot was not running at that time, it says it as soon as it is.
      catchUp: 'last',
      async run(ctx, { lateMs }) {
        const minutesLeft = Math.round((5 * 60_000 - lateMs) / 60_000);
        if (minutesLeft > 0) await ctx.say(`Stand-up in ${minutesLeft} min.`);
      },
    },
  },
});
