// Connects two servers: messages to everyone on one are repeated on the other, with the sender's name.
//
// Options: server (the address of the other one), login (on that server; default: the same as here).
import { ChatosClient, defineBot } from 'chatosbot';
import * as v from 'valibot';

let other: ChatosClient | undefined;

export default defineBot({
  options: v.object({ server: v.string(), login: v.optional(v.string()) }),

  async onStart(ctx) {
    const { server, login = ctx.login } = ctx.options;
    // Ends with the bot, and reconnects by itself.
    other = ChatosClient.create({ server, login, reconnect: true, signal: ctx.signal });
    other.on('message', ({ from, text, private: isPrivate, own }) => {
      // Messages of another bridge begin with a name: two bridges would repeat each other for ever.
      if (own || isPrivate || text.startsWith('<')) return;
      ctx.say(`<${from}> ${text}`).catch((error: Error) => ctx.log.warn(`not passed on: ${error.message}`));
    });
    other.on('connected', () => ctx.log.info(`joined with ${server}`));
    await other.start();
  },

  onMessage: [
    {
      when: { private: false, text: /^[^<]/ },
      async run({ from, text }, ctx) {
        // A text over 1024 bytes, with the name, cannot be sent.
        if (other?.connected) await other.say(`<${from}> ${text}`);
        else ctx.log.warn('not passed on: the other server is away', { peer: from });
      },
    },
  ],
});
