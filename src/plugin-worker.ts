import { serveBot } from './bot/isolation/serve-bot.ts';
import { PLUGIN_MODULES } from './plugin-modules.ts';

// The entry of a worker thread: see PLUGIN_WORKER.
serveBot(PLUGIN_MODULES);
