import { ChatosError, messageOf } from '../../errors.ts';
import { makeSelfSigned } from '../../net/self-signed.ts';
import { readOrCreate } from '../../util/private-file.ts';
import { systemLogin } from './system-login.ts';

/**
 * Makes a key pair with a certificate, and a file of both that nobody else can read. Never replaces a file. Returns whether
 * it was made: of several that do it at once, one makes it.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where the file cannot be made
 */
export async function makeIdentity(file: string): Promise<boolean> {
  try {
    const { isNew } = await readOrCreate(file, async () => {
      const { cert, key } = await makeSelfSigned(systemLogin() ?? 'chatosbot', 'client');
      return cert + key;
    });
    return isNew;
  } catch (error) {
    const message = `${file} cannot be made: ${messageOf(error)}; choose another with --identity`;
    throw new ChatosError('INVALID_ARGUMENT', message, { cause: error, fields: { file } });
  }
}
