/** fast-check arbitraries for valid packets, and for ways to cut a stream. */
import * as fc from 'fast-check';
import type { LongBytes, Packet, PacketOf, PacketType } from '../../src/protocol/index.ts';

/** Text of `minBytes` (0 or 1) to `maxBytes` bytes of UTF-8, of characters of any width, up to the last byte. */
function textArbitrary(minBytes: 0 | 1, maxBytes: number): fc.Arbitrary<string> {
  const options = { minLength: minBytes, maxLength: maxBytes, size: 'max' } as const;
  const anyText = fc.oneof(
    fc.string({ ...options, unit: 'binary' }),
    fc.string({ ...options, unit: 'grapheme' }),
    fc.string({ ...options, unit: 'binary-ascii' }),
  );
  return anyText.map((text) => firstBytes(text, maxBytes));
}

/** As many whole characters from the start as fit. */
function firstBytes(text: string, maxBytes: number): string {
  let kept = '';
  let byteLength = 0;
  for (const character of text) {
    byteLength += Buffer.byteLength(character);
    if (byteLength > maxBytes) break;
    kept += character;
  }
  return kept;
}

/** Any valid packet on a connection with LONGs of `longBytes`. A packet without a row does not compile. */
export function packetArbitrary(longBytes: LongBytes): fc.Arbitrary<Packet> {
  const login = textArbitrary(1, 30);
  const msg = textArbitrary(0, 1024);
  const bits = BigInt(8 * longBytes - 1);
  const connectId = fc.bigInt({ min: -(2n ** bits), max: 2n ** bits - 1n });
  const pair = { loginRequester: login, loginTarget: login };
  const byType: { readonly [T in PacketType]: fc.Arbitrary<PacketOf<T>> } = {
    LOGIN: fc.record({ type: fc.constant('LOGIN'), login }),
    LOGIN_ACCEPTED: fc.constant({ type: 'LOGIN_ACCEPTED' }),
    LOGIN_REFUSED: fc.constant({ type: 'LOGIN_REFUSED' }),
    MESSAGE: fc.record({ type: fc.constant('MESSAGE'), login, msg }),
    MESSAGE_PRIVATE: fc.record({
      type: fc.constant('MESSAGE_PRIVATE'),
      loginSender: login,
      loginTarget: login,
      msg,
    }),
    REQUEST_PRIVATE: fc.record({ type: fc.constant('REQUEST_PRIVATE'), ...pair }),
    OK_PRIVATE: fc.record({ type: fc.constant('OK_PRIVATE'), ...pair }),
    KO_PRIVATE: fc.record({ type: fc.constant('KO_PRIVATE'), ...pair }),
    ID_PRIVATE: fc.record({ type: fc.constant('ID_PRIVATE'), ...pair, connectId }),
    LOGIN_PRIVATE: fc.record({ type: fc.constant('LOGIN_PRIVATE'), connectId }),
    ESTABLISHED: fc.constant({ type: 'ESTABLISHED' }),
    CLOSE_CONNECTION: fc.record({ type: fc.constant('CLOSE_CONNECTION'), connectId, ...pair }),
    ACCEPT_CLOSE_CONNECTION: fc.record({ type: fc.constant('ACCEPT_CLOSE_CONNECTION'), loginTarget: login }),
  };
  // Copied, because fast-check also makes objects without a prototype.
  return fc.oneof(...Object.values<fc.Arbitrary<Packet>>(byType)).map((packet) => ({ ...packet }));
}

/** Sizes of chunks, to be used over and over; a quarter of the time mostly tiny ones. */
export const chunkSizesArbitrary: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 3, arbitrary: fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 8 }) },
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 8 }) },
);
