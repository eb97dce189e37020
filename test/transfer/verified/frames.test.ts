import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader, type Frame } from '../../../src/transfer/verified/frames.ts';

const DIGEST = createHash('sha256').update('abc').digest();
const DIGEST_HEX = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

const ROWS: readonly (readonly [string, Frame, string])[] = [
  ['DATA', { type: 'data', bytes: Buffer.from('abc') }, '01 00000003 616263'],
  ['ACK', { type: 'ack', taken: 4_294_967_299 }, '02 00000008 0000000100000003'],
  ['END', { type: 'end', length: 3, digest: DIGEST }, `03 00000028 0000000000000003 ${DIGEST_HEX}`],
  ['DONE', { type: 'done' }, '04 00000000'],
  ['FAIL', { type: 'fail', reason: 'é!' }, '05 00000003 c3a921'],
  ['RESUME', { type: 'resume', proof: DIGEST, received: 259 }, `06 00000028 ${DIGEST_HEX} 0000000000000103`],
];

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** The frames in some chunks; what is lent is copied. */
function readAll(chunks: readonly Buffer[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    reader.read(chunk, (frame) => {
      frames.push(frame.type === 'data' ? { ...frame, bytes: Buffer.from(frame.bytes) } : frame);
    });
  }
  return frames;
}

describe('frames of a verified pipe', () => {
  it.each(ROWS)('%s has these bytes', (_name, frame, hex) => {
    expect(Buffer.concat(encodeFrame(frame)).toString('hex')).toBe(bytesOf(hex).toString('hex'));
    expect(readAll([bytesOf(hex)])).toEqual([frame]);
  });

  it('are read from chunks that are cut anywhere; DATA comes as it comes', () => {
    const bytes = bytesOf(ROWS.map(([, , hex]) => hex).join(''));
    const data = ['a', 'b', 'c'].map((each) => ({ type: 'data', bytes: Buffer.from(each) }));
    const others = ROWS.slice(1).map(([, frame]) => frame);
    expect(readAll(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual([...data, ...others]);
    expect(readAll([bytes])).toEqual(ROWS.map(([, frame]) => frame));
  });

  it('cut a reason that is too long', () => {
    const [bytes] = encodeFrame({ type: 'fail', reason: 'x'.repeat(5_000) });
    expect(bytes).toHaveLength(5 + 1024);
    expect(readAll([bytes!])).toEqual([{ type: 'fail', reason: 'x'.repeat(1024) }]);
  });

  it.each([
    ['an unknown type', '07 00000000', 'frame type 7 is unknown'],
    ['DATA without bytes', '01 00000000', 'a frame DATA of 0 bytes'],
    ['DATA over 512 KiB', '01 00080001', 'a frame DATA of 524289 bytes'],
    ['an ACK that is too short', '02 00000007', 'a frame ACK of 7 bytes'],
    ['an END that is too long', '03 00000029', 'a frame END of 41 bytes'],
    ['a DONE with something in it', '04 00000001', 'a frame DONE of 1 byte'],
    ['a FAIL over 1 KiB', '05 00000401', 'a frame FAIL of 1025 bytes'],
    ['a length of 4 GiB', '06 ffffffff', 'a frame RESUME of 4294967295 bytes'],
    ['a number that is too large', '02 00000008 0020000000000000', 'a length of 9007199254740992 bytes'],
  ])('are refused with their header: %s', (_name, hex, why) => {
    expect(() => readAll([bytesOf(hex)])).toThrow(
      expect.objectContaining({ code: 'DATA_INCOMPLETE', message: `the peer breaks the rules of --verify: ${why}` }),
    );
  });
});
