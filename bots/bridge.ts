// Joins the rooms of two servers: what is said on one is said on the other, with the name of who said it.
//
// Options: server (the other one's address), login (who to be there; default: the same as here).
import { ChatosClient, defineBot } from 'chatosbot';
import * as v from 'valibot';

let other: ChatosClient | undefined;

export default defineBot({
  options: v.object({ server: v.string(), login: v.optional(v.string()) }),

  async onStart(ctx) {
    const { server, login = ctx.login } = ctx.options;
    // Ends with the bot; comes back by itself where the connection is lost.
    other = ChatosClient.create({ server, login, reconnect: true, signal: ctx.signal });
    other.on('message', ({ from, text, private: isPrivate, own }) => {
      // What comes over another bridge has its name before it already: two bridges would go round for ever.
      if (own || isPrivate || text.startsWith('<')) return;
      ctx.say(`<${from}> ${text}`).catch((error: Error) => ctx.log.warn(`not passed on: ${error.message}`));
    });
    other.on('connected', () => ctx.log.info(`joined with ${server}`));
    await other.start();
  },

  async onMessage(message, ctx) {
    if (message.private || message.text.startsWith('<')) return;
    // A text over 1024 bytes, the name included, cannot be passed on.
    if (other?.connected) await other.say(`<${message.from}> ${message.text}`);
    else ctx.log.warn('not passed on: the other server is away', { peer: message.from });
  },
});
