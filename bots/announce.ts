// Posts the time on a schedule. For fixed texts no code is needed: see `announcements` in the configuration.
//
// Options: cron (default: every full hour), timeZone (default: the system's).
import { defineBot } from 'chatosbot';

export default defineBot({
  onStart(bot) {
    const { cron = '0 * * * *', timeZone } = bot.options as { cron?: string; timeZone?: string };
    bot.schedule({ cron, timeZone }, async () => {
      const time = new Date().toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
      await bot.say(`It is ${time}.`);
    });
  },
});
