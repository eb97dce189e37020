// Rolls dice and keeps the best: commands with arguments, options that are checked, and the store.
//
// Options: sides (of a die if the command names none; default: 6).
import { randomInt } from 'node:crypto';
import { defineBot } from 'chatosbot';
import * as v from 'valibot';

interface Best {
  readonly login: string;
  readonly points: number;
}

export default defineBot({
  options: v.object({ sides: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2)), 6) }),

  commands: {
    roll: {
      help: 'roll a die',
      aliases: ['r'],
      args: { sides: { type: 'integer', min: 2, max: 1_000_000, optional: true, help: 'how many sides' } },
      examples: { '!roll 20': /^ann rolls \d+ of 20$/, '!r': /^ann rolls [1-6] of 6$/, '!roll 1': /must be/ },
      async run(args, message, ctx) {
        const sides = args.sides ?? ctx.options.sides;
        const points = randomInt(1, sides + 1);
        await message.reply(`${message.from} rolls ${points} of ${sides}`);
        // `update` counts both of two who roll at once.
        await ctx.store.update<Best>(`best of ${sides}`, (best) =>
          best && best.points >= points ? best : { login: message.from, points },
        );
      },
    },

    best: {
      help: 'see who has rolled best',
      args: { sides: { type: 'integer', min: 2, max: 1_000_000, optional: true } },
      examples: { '!best': /^ann has rolled [1-6] of 6$/, '!best 100': 'Nobody has rolled a die of 100 sides.' },
      async run(args, message, ctx) {
        const sides = args.sides ?? ctx.options.sides;
        const best = await ctx.store.get<Best>(`best of ${sides}`);
        const answer = best
          ? `${best.login} has rolled ${best.points} of ${sides}`
          : `Nobody has rolled a die of ${sides} sides.`;
        await message.reply(answer);
      },
    },
  },
});
