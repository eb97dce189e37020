import { Option, type Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import type { ChatosServer } from '../../server/server.ts';
import { configOption, listenOption, loggerFor, logOptions, seconds } from '../options.ts';
import { pluralize } from '../../util/printable.ts';
import { announce } from '../terminal/output.ts';
import { untilStopSignal } from '../terminal/signals.ts';
import { startServer, type ListenFlags } from '../running/start-server.ts';

interface ServeFlags extends ListenFlags {
  readonly config?: string;
  readonly drain: number;
}

export function register(command: Command): void {
  command
    .addOption(listenOption())
    .addOption(
      new Option('--drain <seconds>', 'on SIGTERM, how long private connections may take to finish')
        .argParser(seconds())
        .default(10),
    )
    .addOption(configOption());
  for (const option of logOptions()) command.addOption(option);
  command
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot serve
  $ chatosbot serve --listen 0.0.0.0:7777 --listen '0.0.0.0:7778?longBytes=8' --log-format json

It listens on 127.0.0.1:7777 unless told otherwise. A first SIGTERM or Ctrl-C lets private connections finish, a
second one ends it at once.`,
    )
    .action(serve);
}

async function serve(flags: ServeFlags): Promise<void> {
  let server: ChatosServer | undefined;
  // A process that just exits would end its channels with FIN, as if all had been said.
  const stopSignal = untilStopSignal(() => server?.abort());
  const { config } = await loadConfig({ file: flags.config });
  server = await startServer(flags, config, loggerFor(flags));
  const signal = await stopSignal;
  const { channels } = server.stats;
  const waiting =
    channels > 0 ? `, waiting up to ${flags.drain} s for ${pluralize(channels, 'private connection')}` : '';
  announce(flags, `stopping on ${signal}${waiting}`, { signal, channels });
  await server.close({ drainMs: flags.drain * 1000 });
  announce(flags, 'stopped', {});
}
