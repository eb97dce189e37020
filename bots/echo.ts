// Repeats messages, and sends back what comes over private connections.
import { defineBot } from 'chatosbot';

export default defineBot({
  async onMessage(message) {
    // A text that begins with a name is an answer: two echo bots would answer each other for ever.
    if (/^[^\s:]+: /.test(message.text)) return;
    await message.reply(`${message.from}: ${message.text}`);
  },

  onPrivateRequest() {
    return true;
  },

  onChannel(channel) {
    // A channel is a stream: its input is piped to its output, the end included.
    channel.pipe(channel);
  },
});
