import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { ChatosError } from '../errors.ts';
import { packageVersion } from '../util/version.ts';
import { COMMANDS } from './commands/index.ts';
import { exitFor, EXIT, quietReason } from './terminal/exit.ts';
import { HELP, HELP_OUTPUT } from './terminal/help.ts';
import { flushOutput, notice, noticeError, warnInJson } from './terminal/output.ts';
import { endProcess, shareProcess } from './terminal/shared-process.ts';
import { withoutCredentials } from './hidden-values.ts';
import { readHelp } from './wanted-help.ts';

/** Runs one command line; resolves to the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  shareProcess();
  const program = new Command('chatosbot')
    .description('Server, client and bots for the ChatOS protocol')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .configureOutput(HELP_OUTPUT)
    .configureHelp(HELP)
    .exitOverride()
    .addHelpText(
      'after',
      `\nExamples:\n  $ chatosbot run ./bots/echo.ts\n  $ chatosbot chat\n  $ chatosbot pipe alice < file`,
    );
  const wanted = argv[0] === 'help' ? argv[1] : argv[0];
  const commands = new Map(
    COMMANDS.map((entry) => [entry.name, program.command(entry.name).description(entry.summary)]),
  );
  const register = async (name = ''): Promise<void> => {
    const command = commands.get(name);
    commands.delete(name);
    if (command) (await COMMANDS.find((entry) => entry.name === name)!.load()).register(command, register);
  };
  await register(wanted);
  try {
    await program.parseAsync(readHelp(program, argv), { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.done;
    // Without a command, the help has been shown.
    if (error.code === 'commander.help') return EXIT.usage;
    const message = withoutCredentials(error.message).replace(/^error: /, '');
    const hint = dashHint(error.code, argv);
    throw new ChatosError('INVALID_ARGUMENT', `${message}\n(${hint}add --help for the command's options)`);
  }
}

/** Texts, logins and files may begin with a dash, as `say -5 degrees`. */
function dashHint(code: string, argv: readonly string[]): string {
  const mayMeanText = code === 'commander.unknownOption' || argv.some((word) => /^-[^-]./.test(word));
  const takesText = ['say', 'pipe', 'policy', 'send', 'forward'].includes(argv[0] ?? '');
  if (!mayMeanText || !takesText || argv.includes('--')) return '';
  return "what begins with '-' and is no option goes after '--'; ";
}

/** Whether errors are reported to a program. */
function wantsJson(argv: readonly string[]): boolean {
  const format = process.env['CHATOSBOT_LOG_FORMAT'];
  return argv.includes('--json') || /--log-format[= ]json/.test(argv.join(' ')) || format === 'json';
}

/** Reports the error that a command failed with; returns the exit code. */
export function fail(error: unknown): number {
  const { code, message } = exitFor(error);
  const isJson = wantsJson(process.argv);
  const said = message === '' && isJson ? quietReason(error) : message;
  if (message === undefined) {
    const trace = (error as Error).stack ?? String(error);
    // It may have what a peer has said.
    notice(`chatosbot: unexpected failure, please report it\n${trace}`);
  } else if (said !== undefined && said !== '') {
    noticeError(said, error, isJson);
  }
  return code;
}

/** Runs the command line of the process, and ends the process with its exit code. */
export async function runProgram(): Promise<never> {
  // An empty variable counts as not set, except a secret: without it, what is to be encrypted would not be.
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('CHATOSBOT_') && value === '' && name !== 'CHATOSBOT_SECRET') delete process.env[name];
  }
  // Another command line of this process may have asked for it.
  warnInJson(false);
  // The reader of our output may stop reading: that ends a command quietly. A full disk is reported.
  let lost: Error | undefined;
  process.stdout.on('error', (error) => {
    lost ??= error;
  });
  process.stderr.on('error', () => undefined);

  let code = await main(process.argv.slice(2)).catch(fail);
  // Anyone who ends us by a signal does not wait until a stalled reader goes on.
  if (code <= 128) await flushOutput();
  if (code === EXIT.done && lost) code = fail(lost);
  endProcess(code);
}
