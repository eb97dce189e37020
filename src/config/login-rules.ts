import path from 'node:path';
import { ChatosError, messageOf } from '../errors.ts';
import { readPem } from '../net/pem.ts';
import type { LoginRule } from '../server/access/access-options.ts';
import { Authority } from '../server/access/authority.ts';
import type { LoadedConfig } from './read.ts';

/**
 * `serve.logins`, with what is in the files of its authorities.
 *
 * @throws {ChatosError} `INVALID_CONFIG`: the message has a line for each file that cannot be used, with its place
 */
export async function loginRules(loaded: LoadedConfig): Promise<readonly LoginRule[] | undefined> {
  const given = loaded.config.serve?.logins;
  if (!given) return undefined;
  const read = await Promise.allSettled(
    given.map(async ({ ca, ...rule }, index): Promise<LoginRule> => {
      return ca === undefined ? rule : { ...rule, ca: await readAuthority(ca, index, loaded) };
    }),
  );
  const problems = read.flatMap((each) => (each.status === 'rejected' ? [messageOf(each.reason)] : []));
  if (problems.length > 0) throw new ChatosError('INVALID_CONFIG', problems.join('\n'));
  return read.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}

async function readAuthority(name: string, index: number, { directory, locate }: LoadedConfig): Promise<string> {
  const where = ['serve', 'logins', index, 'ca'];
  const invalid = (why: string, cause?: unknown): ChatosError =>
    new ChatosError('INVALID_CONFIG', `${locate(where)}: ${where.join('.')}: ${name} ${why}`, { cause });
  const pem = await readPem(path.resolve(directory, name), invalid);
  try {
    new Authority(pem);
  } catch (error) {
    throw invalid(`cannot be used: ${messageOf(error)}`, error);
  }
  return pem;
}
