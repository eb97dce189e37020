import * as runtime from './bot/index.ts';
import * as client from './client/index.ts';
import * as chatosbot from './index.ts';
import { ownModule } from './own-files.ts';
import * as protocol from './protocol/index.ts';
import * as server from './server/index.ts';
import * as secure from './transfer/secure/index.ts';

/** What plugins can import by name wherever they lie: the very modules that run them, so that classes are the same. */
export const PLUGIN_MODULES: Readonly<Record<string, unknown>> = {
  chatosbot,
  'chatosbot/client': client,
  'chatosbot/protocol': protocol,
  'chatosbot/runtime': runtime,
  'chatosbot/secure': secure,
  'chatosbot/server': server,
};

/**
 * What a worker thread begins with that is to run a plugin with these modules: `plugin-worker`, as TypeScript where this
 * file is, else as built.
 */
export const PLUGIN_WORKER = ownModule('plugin-worker');
