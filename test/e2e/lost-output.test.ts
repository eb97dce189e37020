import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { DEFINITION, LAB, shell, startProgram } from './chatosbot.ts';
import { sharedServer } from './shared-server.ts';

let at: string;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

const TEXT = 'word '.repeat(200).trim();
/** Each writes more than a kilobyte to standard output, in one piece. */
const COMMANDS: readonly string[] = [`say --json ${TEXT}`, `chat --json --linger 1 <<< '${TEXT}'`, 'pipe --help'];

/** What each of the commands exits with, and the last that it says, with its output redirected so. */
function script(redirection: string, after = ''): string {
  return COMMANDS.map(
    (command) => `{ chatosbot ${command}\n} ${redirection} 2>said; echo "$? $(tail -n 1 said)"; ${after}`,
  ).join('\n');
}

async function ends(commands: Command): Promise<string[]> {
  return (await commands.exit()).stdout.trimEnd().split('\n');
}

/** Commands that do not end in order, because of their standard output. */
function lost(why: string): unknown[] {
  return COMMANDS.map(() => expect.stringMatching(`^75 .*cannot write standard output: ${why}`));
}

const UNSHARE = '/usr/bin/unshare';
const DISK = path.join(LAB, 'disk');
/** In a file system of two pages, in which 192 bytes are free. */
const ON_FULL_DISK = `mkdir -p "${DISK}" && mount -t tmpfs -o size=8k tmpfs "${DISK}" && head -c 8000 /dev/zero > "${DISK}/fill"`;
const mayMount = spawnSync(UNSHARE, ['-rm', 'sh', '-c', ON_FULL_DISK]).status === 0;

describe('a command whose standard output is lost', () => {
  const env = { CHATOSBOT_SERVER: '' };
  beforeAll(() => void (env.CHATOSBOT_SERVER = at));

  // Only some systems let tests mount.
  test.skipIf(!mayMount)('exits with 75 where the disk takes the first part of a write only', async () => {
    const commands = `${DEFINITION}\n${ON_FULL_DISK}\n${script(`>> "${DISK}/fill"`, `truncate -s 8000 "${DISK}/fill"`)}`;
    const inside = startProgram(UNSHARE, ['-rm', 'bash', '-c', commands], { env });
    expect(await ends(inside)).toEqual(lost('no space left on the device'));
  });

  test('exits with 75 where a limit of the file size is reached', async () => {
    const limited = shell(`ulimit -f 1\n${script('> limited')}`, { env });
    expect(await ends(limited)).toEqual(lost('the file is too large'));
  });

  test.skipIf(process.platform !== 'linux')('exits with 75 where standard output was closed', async () => {
    expect(await ends(shell(script('>&-'), { env }))).toEqual(lost('it is not open'));
  });

  test('exits with 0 where standard output is discarded', async () => {
    expect(await ends(shell(script('> /dev/null'), { env }))).toEqual(COMMANDS.map(() => expect.stringMatching(/^0/)));
  });
});
