import { open, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { ChatosError, messageOf } from '../../errors.ts';
import { makeSecret } from '../../transfer/secure/secret.ts';
import { notice, writeLine } from '../terminal/output.ts';

interface OutputFlags {
  readonly output?: string;
}

export function register(command: Command): void {
  command
    .option('-o, --output <file>', 'write it to a new file that nobody else can read')
    .addHelpText(
      'after',
      `
Examples:
  $ chatosbot secret -o backup.secret
  $ chatosbot pipe --listen --secret backup.secret > backup.tar
  $ CHATOSBOT_SECRET=$(chatosbot secret) my-program

Makes a secret of 256 random bits, for --secret. Both sides of a private connection need the same: bring it to the other
machine in a way that you trust. It is printed once, and kept nowhere.`,
    )
    .action(secret);
}

async function secret({ output }: OutputFlags): Promise<void> {
  const line = makeSecret();
  if (output === undefined) return writeLine(line);
  try {
    const handle = await open(output, 'wx', 0o600);
    try {
      await handle.writeFile(`${line}\n`);
      await handle.sync();
    } catch (error) {
      // A beginning of a secret would be in the way of the next one.
      await rm(output, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists ? 'there is such a file already, and it is not replaced' : messageOf(error);
    throw new ChatosError('INVALID_ARGUMENT', `no secret was written to ${output}: ${why}`, { cause: error });
  }
  notice(`made a secret in ${output}: keep it secret: anyone who has it can be your peer`);
}
