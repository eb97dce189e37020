// Says back what it is told: to everyone what was said to everyone, to one what was said to it alone.
import { defineBot } from 'chatosbot';

export default defineBot({
  onMessage: (message) => message.reply(`You said: ${message.text}`),
});
