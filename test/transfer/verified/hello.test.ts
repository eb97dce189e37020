import { describe, expect, it } from 'vitest';
import { encodeHello, HelloReader, type Hello } from '../../../src/transfer/verified/hello.ts';

const OURS: Hello = {
  role: 'requester',
  reconnects: true,
  resumes: false,
  windowBytes: 4_194_304,
  nonce: Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
};
const MAGIC = '9fbc2c984e7b5334ae068df3b9ccf8a4';
const OURS_HEX = `${MAGIC}015201000040000000112233445566778899aabbccddeeff`;
const THEIRS_HEX = `${MAGIC}0154020000000001ffeeddccbbaa99887766554433221100`;

function read(...chunks: readonly string[]): ReturnType<HelloReader['read']> {
  const reader = new HelloReader('bob', OURS);
  let result: ReturnType<HelloReader['read']>;
  for (const chunk of chunks) result = reader.read(Buffer.from(chunk, 'hex'));
  return result;
}

describe('the hello of a verified pipe', () => {
  it('has these bytes', () => {
    expect(encodeHello(OURS).toString('hex')).toBe(OURS_HEX);
  });

  it('is read, in one piece or in many, and what follows is left', () => {
    const hello = {
      role: 'target',
      reconnects: false,
      resumes: true,
      windowBytes: 1,
      nonce: Buffer.from('ffeeddccbbaa99887766554433221100', 'hex'),
    };
    expect(read(`${THEIRS_HEX}0102`)).toEqual({ hello, rest: Buffer.from([1, 2]) });
    expect(read(THEIRS_HEX.slice(0, 78))).toBeUndefined();
    expect(read(...THEIRS_HEX.match(/../g)!)).toEqual({ hello, rest: Buffer.alloc(0) });
  });

  it.each([
    ['something else', '68656c6c6f', 'bob does not use --verify: use it on both sides, or on neither'],
    [
      'something else, late',
      `${MAGIC.slice(0, 30)}00`,
      'bob does not use --verify: use it on both sides, or on neither',
    ],
    ['our own hello', OURS_HEX, 'bob sends back what it gets, and does not use --verify'],
    [
      'a later version',
      THEIRS_HEX.replace('0154', '0254'),
      'bob uses version 2 of --verify, and we version 1: use the same chatosbot on both sides',
    ],
    ['our role', THEIRS_HEX.replace('0154', '0152'), 'the peer breaks the rules of --verify: it has our role'],
    [
      'no window',
      THEIRS_HEX.replace('00000001', '00000000'),
      'the peer breaks the rules of --verify: its window is 0 bytes',
    ],
  ])('is refused at once: %s', (_name, hex, message) => {
    expect(() => read(hex)).toThrow(expect.objectContaining({ code: 'DATA_INCOMPLETE', message }));
  });
});
