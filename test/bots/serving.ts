import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { loadPlugin } from '../../src/bot/loading/loader.ts';
import { createModuleLoader } from '../../src/bot/loading/module-loader.ts';
import { checkOptions } from '../../src/bot/loading/plugin-options.ts';
import type { LoadedPlugin } from '../../src/bot/loading/read-plugin.ts';
import type { Channel } from '../../src/client/channel.ts';
import * as chatosbot from '../../src/index.ts';
import type { Address } from '../../src/net/address.ts';
import { tempDirectory, writeText } from '../support/bot-files.ts';
import { RawHttp } from '../support/bot-http.ts';
import { joinAs, openChannel, signalled, startBots, startServer, type Bots } from '../support/bot-world.ts';
import type { LongBytes, RfcPeer } from '../support/rfc-peer.ts';

const BOTS = path.join(import.meta.dirname, '..', '..', 'bots');

/** The bots of the project do not change: what they are compiled to is kept for all tests of a run. */
const loader = createModuleLoader({ chatosbot });

/** One of the bots of the project, loaded as `run` loads it. */
export function shippedBot(name: string): Promise<LoadedPlugin> {
  return loadPlugin(path.join(BOTS, `${name}.ts`), loader);
}

/** The same with its options, as its schema makes them of these. */
export async function shippedEntry(name: string, given: Record<string, unknown> = {}) {
  const plugin = await shippedBot(name);
  const checked = await checkOptions(plugin, given);
  if ('problems' in checked) throw new Error(checked.problems.map(({ message }) => message).join('\n'));
  return { plugin, options: checked.options };
}

export interface FilesWorld extends Bots {
  readonly server: Address;
  /** What is served; beside it lies `secret.txt`, in a directory that is not. */
  readonly directory: string;
  readonly outside: string;
  readonly alice: RfcPeer;
  /** The bot's ends of the channels, in the order in which they came. */
  readonly channels: readonly Channel[];
  /** A new channel to the bot, with HTTP on it. */
  readonly open: () => Promise<{ http: RawHttp; connectId: bigint }>;
}

/** The files bot at work on a directory with these files, or on what `prepare` makes of it. */
export async function serveFiles(
  files: Record<string, string>,
  width: LongBytes = 4,
  prepare: (directory: string) => Promise<string> = (directory) => Promise.resolve(directory),
  timeouts: { readonly requestTimeoutMs?: number; readonly idleTimeoutMs?: number } = {},
): Promise<FilesWorld> {
  const outside = await tempDirectory();
  const directory = path.join(outside, 'public');
  await mkdir(directory);
  await writeText(outside, 'secret.txt', 'SECRET');
  for (const [name, text] of Object.entries(files)) await writeText(directory, name, text);
  const served = await prepare(directory);
  const server = await startServer(width);
  const { plugin, options } = await shippedEntry('files', { directory: served, ...timeouts });
  const started = signalled();
  const channels: Channel[] = [];
  const hooks: LoadedPlugin['hooks'] = {
    ...plugin.hooks,
    async onStart(bot) {
      await plugin.hooks.onStart!(bot);
      started.resolve();
    },
    onChannel(channel, bot) {
      channels.push(channel);
      return plugin.hooks.onChannel!(channel, bot);
    },
  };
  const bots = await startBots(server, [{ plugin: { ...plugin, hooks }, options }]);
  await started.promise;
  const alice = await joinAs(server, 'alice');
  const open = async () => {
    const { half, connectId } = await openChannel(alice, server, 'files');
    return { http: new RawHttp(half), connectId };
  };
  return { ...bots, server, directory, outside, alice, channels, open };
}
