// Calls a team to its stand-up, and asks who is away: a schedule that catches up, questions, timers that outlive a restart.
//
// Options: cron (default: workdays at 9:00), timeZone (default: the system's).
import { defineBot, isChatosError, type Context } from 'chatosbot';
import * as v from 'valibot';

/** Of those who are away. */
const MOST_NAMED = 50;

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
        for await (const [login, why] of ctx.store.entries({ limit: MOST_NAMED }))
          away.push(`${login} (${String(why)})`);
        const more = (await ctx.store.count()) - away.length;
        if (more > 0) away.push(`${more} more`);
        await ctx.say(`Stand-up${late}! ${away.length > 0 ? `Away: ${away.join(', ')}.` : 'Everybody is here.'}`);
      },
    },
  }),

  timers: { back: (login: string, ctx) => ctx.store.delete(login) },

  commands: {
    away: {
      help: 'say that you are away',
      aliases: ['afk'],
      args: { for: { type: 'duration', flag: 'f', min: '1m', max: '90d', help: 'how long' } },
      examples: {
        '!away --for=2d': 'Why?',
        'on holiday': 'Noted: on holiday.',
        '!afk': 'Why?',
        'never mind': 'Then nothing changes.',
      },
      async run({ for: duration }, message, ctx) {
        try {
          const { text } = await message.ask('Why?', { cancel: ['never mind'], validate: isShort });
          await forgetTimers(message.from, ctx);
          await ctx.store.set(message.from, text);
          if (duration !== undefined) await ctx.after(duration, 'back', message.from);
          await message.reply(`Noted: ${text}.`);
        } catch (error) {
          if (!isChatosError(error, 'CANCELLED')) throw error;
          await message.reply('Then nothing changes.');
        }
      },
    },
    back: {
      help: 'say that you are back',
      examples: { '!back': 'Welcome back, ann.' },
      async run(_args, message, ctx) {
        await forgetTimers(message.from, ctx);
        await ctx.store.delete(message.from);
        await message.reply(`Welcome back, ${message.from}.`);
      },
    },
  },
});

function isShort(text: string): true | string {
  return text.length <= 100 || 'In a hundred characters, please.';
}

/** A user who is away again, or back, is not away by what was said before. */
async function forgetTimers(login: string, ctx: Pick<Context, 'timers'>): Promise<void> {
  for (const timer of ctx.timers('back')) if (timer.data === login) await timer.cancel();
}
