import { servePlugin } from './bot/isolation/serve-plugin.ts';
import { PLUGIN_MODULES } from './plugin-modules.ts';

// The entry of a worker thread: see PLUGIN_WORKER.
servePlugin(PLUGIN_MODULES);
