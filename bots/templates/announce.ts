// Posts a text at fixed times. Fixed texts need no code: see `announcements` in the configuration.
import { defineBot } from 'chatosbot';

export default defineBot({
  schedule: {
    standup: {
      cron: '55 8 * * 1-5',
      timeZone: 'Europe/Paris',
      // If the bot was not running at that time, it posts the text when it starts.
      catchUp: 'last',
      async run(ctx, { lateMs }) {
        const minutesLeft = Math.round((5 * 60_000 - lateMs) / 60_000);
        if (minutesLeft > 0) await ctx.say(`Stand-up in ${minutesLeft} min.`);
      },
    },
  },
});
