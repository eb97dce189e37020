// Calls a team to its stand-up, and asks who is away: a schedule that catches up, and a dialogue.
//
// Options: cron (default: workdays at 9:00), timeZone (default: the system's).
import { defineBot } from 'chatosbot';
import * as v from 'valibot';

export default defineBot({
  options: v.object({
    cron: v.optional(v.string(), '0 9 * * 1-5'),
    timeZone: v.optional(v.string()),
  }),

  schedule: ({ cron, timeZone }) => ({
    // A stand-up that was missed while the bot was not running is called once.
    'stand-up': {
      cron,
      timeZone,
      catchUp: 'last',
      async run(ctx, { lateMs }) {
        const late = lateMs > 60_000 ? ` (${Math.round(lateMs / 60_000)} minutes late)` : '';
        const away: string[] = [];
        for await (const [login, why] of ctx.store.entries({ limit: 50 })) away.push(`${login} (${String(why)})`);
        await ctx.say(`Stand-up${late}! ${away.length > 0 ? `Away: ${away.join(', ')}.` : 'Everybody is here.'}`);
      },
    },
  }),

  commands: {
    away: {
      help: 'says that you are away',
      examples: { '!away': 'Why?', 'on holiday': 'Noted: on holiday.' },
      async run(_args, message, ctx) {
        const { text } = await message.ask('Why?');
        await ctx.store.set(message.from, text);
        await message.reply(`Noted: ${text}.`);
      },
    },
    back: {
      help: 'says that you are back',
      examples: { '!back': 'Welcome back, ann.' },
      async run(_args, message, ctx) {
        await ctx.store.delete(message.from);
        await message.reply(`Welcome back, ${message.from}.`);
      },
    },
  },
});
