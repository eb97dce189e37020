// Keeps tallies: `!count apples 3`, `!tally`. `!help` lists the commands; the examples are tests (`chatosbot test`).
import { defineBot } from 'chatosbot';

export default defineBot({
  commands: {
    count: {
      help: 'add to a tally',
      args: {
        what: { type: 'word', help: 'what is counted' },
        by: { type: 'integer', min: -1000, max: 1000, default: 1 },
      },
      examples: { '!count apples 3': 'apples: 3', '!count apples': 'apples: 4' },
      async run({ what, by }, message, ctx) {
        // The store outlives the process, and loses no update when two come at once.
        const total = await ctx.store.update<number>(what, (old = 0) => old + by);
        await message.reply(`${what}: ${total}`);
      },
    },

    tally: {
      help: 'show the tallies',
      examples: { '!tally': 'apples: 4' },
      async run(_args, message, ctx) {
        const tallies: string[] = [];
        for await (const [what, total] of ctx.store.entries({ limit: 50 })) tallies.push(`${what}: ${String(total)}`);
        await message.reply(tallies.join(', ') || 'Nothing was counted yet.');
      },
    },
  },
});
