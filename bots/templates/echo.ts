// Repeats messages: to everyone if they were sent to everyone, else to the sender.
import { defineBot } from 'chatosbot';

export default defineBot({
  onMessage: (message) => message.reply(`You said: ${message.text}`),
});
