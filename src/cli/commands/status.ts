import type { Command } from 'commander';
import { safeParse } from 'valibot';
import { DEFAULT_STATUS_ADDRESS, formatStatusAddress, type StatusAddress } from '../../ops/status-address.ts';
import { loadConfig } from '../../config/load.ts';
import { statusAddress } from '../../config/settings.ts';
import { toJsonLine } from '../../util/escape.ts';
import { Zone } from '../../util/zone.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { configOption, statusAddressOption, statusArgument } from '../options.ts';
import { writeLine } from '../terminal/output.ts';
import { isWell, STATUS_SCHEMA } from '../status/document.ts';
import { notOurs, readStatus } from '../status/read.ts';
import { statusReport } from '../status/report.ts';

interface StatusFlags {
  readonly status?: StatusAddress;
  readonly json?: boolean;
  readonly config?: string;
}

export function register(command: Command): void {
  command
    .argument('[address]', 'the endpoint, as --status', statusArgument)
    .addOption(statusAddressOption())
    .option('--json', 'print what the endpoint reports, as one line of JSON')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot run ./bots/echo.ts --status
  $ chatosbot status
  $ chatosbot status 7781 --json
  $ chatosbot serve --status 7782

Exit code: 0 if all is well: all accounts are connected, all bots are running, the server works; 75 if not (suspended,
standby, connecting, draining), 69 if there is no endpoint at the address, 124 if it does not answer in time.`,
    )
    .action(showStatus);
}

async function showStatus(given: StatusAddress | undefined, flags: StatusFlags): Promise<void> {
  // What is wrong in the configuration keeps nobody from looking at what runs.
  const { config } = await loadConfig({ file: flags.config, salvage: true });
  const address = statusAddress(given ?? flags.status, config, 'bots and server') ?? DEFAULT_STATUS_ADDRESS;
  const document = await readStatus(address);
  const { success, output } = safeParse(STATUS_SCHEMA, document);
  if (!success) throw notOurs(formatStatusAddress(address));
  const lines = flags.json ? [toJsonLine(document as object)] : statusReport(output, new Zone(undefined));
  await writeLine(lines.join('\n'));
  if (!isWell(output)) throw new ExitSignal(EXIT.broken);
}
