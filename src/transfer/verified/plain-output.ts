import type { ByteSink } from '../bytes.ts';
import { incomplete } from './failures.ts';
import { beginsWithMagic, HELLO_MAGIC } from './hello.ts';

/**
 * The output of a plain pipe: a peer that uses --verify is noticed by the first bytes, of which nothing is written then.
 *
 * @throws {ChatosError} `DATA_INCOMPLETE`, from `write`, in that case
 */
export function plainOutput(output: ByteSink, peer: string): ByteSink {
  /** The first bytes, as long as they may be the magic; `undefined` once it is known that they are not. */
  let held: Buffer | undefined = Buffer.alloc(0);
  return {
    write(chunk) {
      if (!held) return output.write(chunk);
      const first = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (!beginsWithMagic(first)) {
        held = undefined;
        return output.write(first);
      }
      if (first.length >= HELLO_MAGIC.length) throw incomplete(`${peer} uses --verify: use it here too`);
      held = Buffer.from(first);
    },
    async end() {
      if (held && held.length > 0) await output.write(held);
      await output.end();
    },
  };
}
