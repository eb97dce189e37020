import { describe, expect, it } from 'vitest';
import { PacketDecoder, type LongBytes, type PacketType } from '../../src/protocol/index.ts';
import { MALFORMED, WIDTHS, cut, hex, readAll, thrownBy } from './reading.ts';

interface StringField {
  readonly field: string;
  readonly limit: number;
  /** What stands before its size, in hex; LONG stands for a connect id. */
  readonly before: string;
  /** What stands after its text. */
  readonly after: string;
}

const requesterAndTarget = (opcode: string): StringField[] => [
  { field: 'loginRequester', limit: 30, before: opcode, after: '00000001 62' },
  { field: 'loginTarget', limit: 30, before: `${opcode} 00000001 61`, after: '' },
];

/** Every STRING of every packet. A packet without a row does not compile. */
const STRINGS: Readonly<Record<PacketType, readonly StringField[]>> = {
  LOGIN: [{ field: 'login', limit: 1024, before: '00', after: '' }],
  LOGIN_ACCEPTED: [],
  LOGIN_REFUSED: [],
  MESSAGE: [
    { field: 'login', limit: 30, before: '03', after: '00000001 62' },
    { field: 'msg', limit: 1024, before: '03 00000001 61', after: '' },
  ],
  MESSAGE_PRIVATE: [
    { field: 'loginSender', limit: 30, before: '04', after: '00000001 62 00000001 63' },
    { field: 'loginTarget', limit: 30, before: '04 00000001 61', after: '00000001 63' },
    { field: 'msg', limit: 1024, before: '04 00000001 61 00000001 62', after: '' },
  ],
  REQUEST_PRIVATE: requesterAndTarget('05'),
  OK_PRIVATE: requesterAndTarget('06'),
  KO_PRIVATE: requesterAndTarget('07'),
  ID_PRIVATE: requesterAndTarget('08').map((row) => ({ ...row, after: `${row.after} LONG` })),
  LOGIN_PRIVATE: [],
  ESTABLISHED: [],
  CLOSE_CONNECTION: requesterAndTarget('0b LONG'),
  ACCEPT_CLOSE_CONNECTION: [{ field: 'loginTarget', limit: 30, before: '0c', after: '' }],
};

const CASES = WIDTHS.flatMap((longBytes) =>
  Object.entries(STRINGS).flatMap(([type, rows]) =>
    rows.map(({ field, limit, before, after }) => ({
      title: `${type}.${field}, LONG of ${longBytes} bytes`,
      longBytes,
      type,
      field,
      limit,
      before: hex(before.replace('LONG', '00'.repeat(longBytes))),
      after: hex(after.replace('LONG', '00'.repeat(longBytes))),
    })),
  ),
);

const NOT_UTF8 = {
  'a byte that never occurs': 'ff',
  'a lone continuation byte': '80',
  'a sequence that ends too early': '61c3',
  'an overlong NUL': 'c080',
  'an overlong slash': 'e080af',
  'a surrogate': 'eda080',
  'a code point above 10FFFF': 'f4908080',
} as const;

function int(value: number): Buffer {
  return hex((value >>> 0).toString(16).padStart(8, '0'));
}

function failure(bytes: Buffer, longBytes: LongBytes): unknown {
  const decoder = new PacketDecoder({ longBytes });
  decoder.push(bytes);
  return thrownBy(() => decoder.next());
}

describe.each(CASES)('PacketDecoder against $title', ({ longBytes, type, field, limit, before, after }) => {
  it.each([limit + 1, 0x7fffffff, -1, -0x80000000])(
    '[P4] throws on size %i as soon as the last byte of the size is in',
    (size) => {
      const bytes = Buffer.concat([before, int(size)]);
      const decoder = new PacketDecoder({ longBytes });
      expect(readAll(decoder, cut(bytes.subarray(0, -1), [1])).packets).toEqual([]);
      decoder.push(bytes.subarray(-1));
      expect(thrownBy(() => decoder.next())).toMatchObject({ ...MALFORMED, fields: { field, size } });
      expect(failure(bytes, longBytes)).toMatchObject({ ...MALFORMED, fields: { field, size } });
    },
  );

  it('[P3] reads a text of exactly the limit, and an empty one', () => {
    for (const size of [limit, 0]) {
      const text = 'x'.repeat(size);
      const decoder = new PacketDecoder({ longBytes });
      decoder.push(Buffer.concat([before, int(size), Buffer.from(text), after]));
      expect(decoder.next()).toMatchObject({ type, [field]: text });
      expect(decoder.rest()).toHaveLength(0);
    }
  });

  it.each(Object.entries(NOT_UTF8))('[P4] throws on %s: %s', (_, digits) => {
    const text = hex(digits);
    const bytes = Buffer.concat([before, int(text.length), text, after]);
    expect(failure(bytes, longBytes)).toMatchObject({ ...MALFORMED, fields: { field } });
    const decoder = new PacketDecoder({ longBytes });
    expect(thrownBy(() => readAll(decoder, cut(bytes, [1])))).toMatchObject({ ...MALFORMED, fields: { field } });
  });
});

describe('PacketDecoder against unknown opcodes', () => {
  const count = Object.keys(STRINGS).length;
  const unknown = Array.from({ length: 256 - count }, (_, i) => i + count);

  it.each(WIDTHS)('[P4] throws on each of them, negative ones too, at their first byte (LONG of %i)', (longBytes) => {
    for (const opcode of unknown) {
      expect(failure(Buffer.of(opcode), longBytes)).toMatchObject({ ...MALFORMED, fields: { opcode } });
    }
    expect(Buffer.of(unknown.at(-1)!).readInt8()).toBe(-1);
  });

  it('[P4] hands over the packets before it first, from the same chunk or from an earlier one', () => {
    for (const chunks of [[hex('0c 00000001 61 01 7f')], [hex('0c 000000'), hex('01 61 01 7f')]]) {
      const decoder = new PacketDecoder();
      for (const chunk of chunks.slice(0, -1)) readAll(decoder, [chunk]);
      decoder.push(chunks.at(-1)!);
      expect(decoder.next()).toStrictEqual({ type: 'ACCEPT_CLOSE_CONNECTION', loginTarget: 'a' });
      expect(decoder.next()).toStrictEqual({ type: 'LOGIN_ACCEPTED' });
      expect(thrownBy(() => decoder.next())).toMatchObject(MALFORMED);
    }
  });
});

describe('PacketDecoder and long logins', () => {
  it('[P6] reads every LOGIN of 31 to 1024 bytes, so that it can be refused', () => {
    for (let size = 31; size <= 1024; size++) {
      const login = 'x'.repeat(size);
      const { packets } = readAll(new PacketDecoder(), [Buffer.concat([hex('00'), int(size), Buffer.from(login)])]);
      expect(packets).toStrictEqual([{ type: 'LOGIN', login }]);
    }
  });

  it('[P6] takes a LOGIN of 1025 bytes for malformed before its text comes', () => {
    expect(failure(hex('00 00000401'), 4)).toMatchObject({ ...MALFORMED, fields: { field: 'login', size: 1025 } });
  });
});
