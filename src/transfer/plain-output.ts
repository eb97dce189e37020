import type { ByteSink } from './bytes.ts';
import { encrypts } from './secure/failures.ts';
import { beginsAsSecure, SECURE_MAGIC } from './secure/hello.ts';
import { incomplete } from './verified/failures.ts';
import { beginsWithMagic, HELLO_MAGIC } from './verified/hello.ts';

/**
 * The output of a plain pipe: a peer that uses --verify or encrypts is noticed by the first bytes, of which nothing is
 * written then.
 *
 * @throws {ChatosError} from `write`, in that case: `DATA_INCOMPLETE` for --verify, `WRONG_SECRET` for encryption
 */
export function plainOutput(output: ByteSink, peer: string): ByteSink {
  /** The first bytes, as long as they may be a magic; `undefined` once it is known that they are not. */
  let held: Buffer | undefined = Buffer.alloc(0);
  return {
    write(chunk) {
      if (!held) return output.write(chunk);
      const first = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const [isVerified, isSecure] = [beginsWithMagic(first), beginsAsSecure(first)];
      if (!isVerified && !isSecure) {
        held = undefined;
        return output.write(first);
      }
      if (isSecure && first.length >= SECURE_MAGIC.length) throw encrypts(peer);
      if (isVerified && first.length >= HELLO_MAGIC.length) throw incomplete(`${peer} uses --verify: use it here too`);
      held = Buffer.from(first);
    },
    async end() {
      if (held && held.length > 0) await output.write(held);
      await output.end();
    },
  };
}
