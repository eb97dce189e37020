// Says back what it is told, and sends back what comes over private connections.
import { defineBot } from 'chatosbot';

export default defineBot({
  async onMessage(message) {
    // What begins with a name is an answer already: two echo bots would go on for ever.
    if (/^[^\s:]+: /.test(message.text)) return;
    await message.reply(`${message.from}: ${message.text}`);
  },

  onPrivateRequest() {
    return true;
  },

  onChannel(channel) {
    // A channel is a stream: what comes in goes out again, and the peer's end becomes ours.
    channel.pipe(channel);
  },
});
