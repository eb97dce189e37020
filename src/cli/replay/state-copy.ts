import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ChatosError } from '../../errors.ts';

/**
 * Copies a folder of stores, so that a replay does not change it. Returns the path of the copy, which the caller removes.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if it cannot be read
 */
export async function copyState(from: string): Promise<string> {
  const copy = await mkdtemp(path.join(tmpdir(), 'chatosbot-'));
  try {
    await cp(from, copy, { recursive: true });
    return copy;
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such folder' : `it cannot be read (${code})`;
    throw new ChatosError('INVALID_ARGUMENT', `${from}: ${why}`, { cause: error });
  }
}
