import { Option, type Command } from 'commander';
import { safeParse } from 'valibot';
import { DEFAULT_STATUS_ADDRESS, formatStatusAddress, type StatusAddress } from '../../ops/status-address.ts';
import { loadConfig } from '../../config/load.ts';
import { statusAddress } from '../../config/settings.ts';
import { toJsonLine } from '../../util/json-line.ts';
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
    .argument('[address]', 'where the endpoint is, as --status', (text) => statusArgument(text))
    .addOption(statusAddressOption())
    .addOption(new Option('--json', 'what the endpoint tells, as one line of JSON'))
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot run ./bots/echo.ts --status
  $ chatosbot status
  $ chatosbot status 7781 --json

Exit status: 0 where all accounts are connected and all bots at work, 75 where one is not (set aside, on standby,
connecting), 69 where there is no endpoint at the address, 124 where it does not answer.`,
    )
    .action(showStatus);
}

async function showStatus(given: StatusAddress | undefined, flags: StatusFlags): Promise<void> {
  const { config } = await loadConfig({ file: flags.config });
  const address = statusAddress(given ?? flags.status, config) ?? DEFAULT_STATUS_ADDRESS;
  const told = await readStatus(address);
  const { success, output } = safeParse(STATUS_SCHEMA, told);
  if (!success) throw notOurs(formatStatusAddress(address));
  const lines = flags.json ? [toJsonLine(told as object)] : statusReport(output, new Zone(undefined));
  await writeLine(lines.join('\n'));
  if (!isWell(output)) throw new ExitSignal(EXIT.broken);
}
