import module from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { cacheDirectory } from '../util/cache-directory.ts';
import { packageVersion } from '../util/version.ts';
import { exitFor, ExitSignal, EXIT } from './terminal/exit.ts';
import { flushOutput, noticeError } from './terminal/output.ts';
import { endProcess, shareProcess } from './terminal/shared-process.ts';

/** Starts faster the next time: Node.js 22.1 and later can keep what V8 has compiled. */
function keepCompiledCode(): void {
  const { enableCompileCache } = module as { enableCompileCache?: (directory: string) => unknown };
  enableCompileCache?.(path.join(cacheDirectory(), 'code'));
}

/** Runs one command line; resolves to the exit status. */
async function main(argv: readonly string[]): Promise<number> {
  keepCompiledCode();
  shareProcess();
  const [{ Command, CommanderError }, { COMMANDS }] = await Promise.all([
    import('commander'),
    import('./commands/index.ts'),
  ]);
  const program = new Command('chatosbot')
    .description('Server, client and bots for the ChatOS protocol')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError("(add --help for the command's options)")
    .exitOverride()
    .addHelpText(
      'after',
      `\nExamples:\n  $ chatosbot run ./bots/echo.ts\n  $ chatosbot chat\n  $ chatosbot pipe alice < file`,
    );
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).description(summary).copyInheritedSettings(program);
    if (argv[0] === name || (argv[0] === 'help' && argv[1] === name)) (await load()).register(command);
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}

/** Whether what is said on standard error is for a machine. */
function wantsJson(argv: readonly string[]): boolean {
  const format = process.env['CHATOSBOT_LOG_FORMAT'];
  return argv.includes('--json') || /--log-format[= ]json/.test(argv.join(' ')) || format === 'json';
}

/** Says what a command has failed with; returns the exit status. */
export function fail(error: unknown): number {
  const { status, message } = exitFor(error);
  if (message === undefined) {
    const trace = (error as Error).stack ?? String(error);
    process.stderr.write(`chatosbot: unexpected failure, please report it\n${trace}\n`);
  } else if (!(error instanceof ExitSignal) && message !== '') {
    noticeError(message, error, wantsJson(process.argv));
  }
  return status;
}

/** Runs the command line of the process, and ends the process with its status. */
export async function runProgram(): Promise<never> {
  // An empty variable is as good as none.
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('CHATOSBOT_') && value === '') delete process.env[name];
  }
  // Whoever reads our output may stop reading: that ends a command, quietly. A full disk is told.
  let lost: Error | undefined;
  process.stdout.on('error', (error) => {
    lost ??= error;
  });
  process.stderr.on('error', () => undefined);

  let status = await main(process.argv.slice(2)).catch(fail);
  await flushOutput();
  if (status === EXIT.done && lost) status = fail(lost);
  endProcess(status);
}
