import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import { compare, type Contender } from './measure.ts';
import { CHATOS, chatosWay, movable, NCAT, writeZeros } from './pipe.ts';

const GIB = 2 ** 30;

/** What encryption from end to end costs: beside `pipe` without it, and beside plain `ncat` through HAProxy. */
export async function benchPipeSecret(rounds: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  try {
    const [secret, file] = [path.join(folder, 'secret'), path.join(folder, 'zeros')];
    writeFileSync(secret, makeSecret(), { mode: 0o600 });
    writeZeros(file, 4 * GIB);
    const encrypted = chatosWay('chatosbot pipe --secret', ` --secret '${secret}'`);
    const contenders: Contender[] = movable([encrypted, CHATOS, NCAT], { from: `< '${file}'`, to: '> /dev/null' });
    await compare('pipe, encrypted from end to end: 4 GiB, a file to /dev/null', contenders, rounds);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
