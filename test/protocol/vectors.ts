/**
 * Packets and their bytes, written down by hand from the RFC. Spaces stand between the fields, and between the size and
 * the text of a STRING. A packet without a row, or without one of the two LONG widths (P1), does not compile.
 */
import type { LongBytes, PacketOf, PacketType } from '../../src/protocol/index.ts';

type HexOf<T extends PacketType> =
  PacketOf<T> extends { connectId: bigint } ? Readonly<Record<LongBytes, string>> : string;

interface Vector<T extends PacketType> {
  readonly packet: PacketOf<T>;
  readonly hex: HexOf<T>;
}

export const VECTORS: { readonly [T in PacketType]: readonly [Vector<T>, ...Vector<T>[]] } = {
  LOGIN: [
    { packet: { type: 'LOGIN', login: 'alice' }, hex: '00 00000005 616c696365' },
    { packet: { type: 'LOGIN', login: 'zoé😀' }, hex: '00 00000008 7a6fc3a9f09f9880' },
    {
      packet: { type: 'LOGIN', login: '012345678901234567890123456789' },
      hex: '00 0000001e 303132333435363738393031323334353637383930313233343536373839',
    },
  ],
  LOGIN_ACCEPTED: [{ packet: { type: 'LOGIN_ACCEPTED' }, hex: '01' }],
  LOGIN_REFUSED: [{ packet: { type: 'LOGIN_REFUSED' }, hex: '02' }],
  MESSAGE: [
    { packet: { type: 'MESSAGE', login: 'alice', msg: 'hi' }, hex: '03 00000005 616c696365 00000002 6869' },
    { packet: { type: 'MESSAGE', login: 'bob', msg: '' }, hex: '03 00000003 626f62 00000000' },
    // Two spellings of é: composed in the message, e and a combining accent in the login. Neither is changed (P7).
    {
      packet: { type: 'MESSAGE', login: 'e\u0301', msg: '\u00e9 😀\n\0' },
      hex: '03 00000003 65cc81 00000009 c3a920f09f98800a00',
    },
    // A leading byte order mark belongs to the text.
    { packet: { type: 'MESSAGE', login: 'bob', msg: '\ufeffx' }, hex: '03 00000003 626f62 00000004 efbbbf78' },
  ],
  MESSAGE_PRIVATE: [
    {
      packet: { type: 'MESSAGE_PRIVATE', loginSender: 'alice', loginTarget: 'bob', msg: 'hi' },
      hex: '04 00000005 616c696365 00000003 626f62 00000002 6869',
    },
    {
      packet: { type: 'MESSAGE_PRIVATE', loginSender: 'bob', loginTarget: 'alice', msg: '' },
      hex: '04 00000003 626f62 00000005 616c696365 00000000',
    },
  ],
  REQUEST_PRIVATE: [
    {
      packet: { type: 'REQUEST_PRIVATE', loginRequester: 'alice', loginTarget: 'bob' },
      hex: '05 00000005 616c696365 00000003 626f62',
    },
  ],
  OK_PRIVATE: [
    {
      packet: { type: 'OK_PRIVATE', loginRequester: 'alice', loginTarget: 'bob' },
      hex: '06 00000005 616c696365 00000003 626f62',
    },
  ],
  KO_PRIVATE: [
    {
      packet: { type: 'KO_PRIVATE', loginRequester: 'alice', loginTarget: 'bob' },
      hex: '07 00000005 616c696365 00000003 626f62',
    },
  ],
  ID_PRIVATE: [
    {
      packet: { type: 'ID_PRIVATE', loginRequester: 'alice', loginTarget: 'bob', connectId: 0x01020304n },
      hex: {
        4: '08 00000005 616c696365 00000003 626f62 01020304',
        8: '08 00000005 616c696365 00000003 626f62 0000000001020304',
      },
    },
    {
      packet: { type: 'ID_PRIVATE', loginRequester: 'bob', loginTarget: 'alice', connectId: 2147483647n },
      hex: {
        4: '08 00000003 626f62 00000005 616c696365 7fffffff',
        8: '08 00000003 626f62 00000005 616c696365 000000007fffffff',
      },
    },
  ],
  LOGIN_PRIVATE: [
    { packet: { type: 'LOGIN_PRIVATE', connectId: 0x01020304n }, hex: { 4: '09 01020304', 8: '09 0000000001020304' } },
    { packet: { type: 'LOGIN_PRIVATE', connectId: 0n }, hex: { 4: '09 00000000', 8: '09 0000000000000000' } },
    { packet: { type: 'LOGIN_PRIVATE', connectId: -2n }, hex: { 4: '09 fffffffe', 8: '09 fffffffffffffffe' } },
    {
      packet: { type: 'LOGIN_PRIVATE', connectId: -2147483648n },
      hex: { 4: '09 80000000', 8: '09 ffffffff80000000' },
    },
  ],
  ESTABLISHED: [{ packet: { type: 'ESTABLISHED' }, hex: '0a' }],
  CLOSE_CONNECTION: [
    {
      packet: { type: 'CLOSE_CONNECTION', connectId: 0x01020304n, loginRequester: 'alice', loginTarget: 'bob' },
      hex: {
        4: '0b 01020304 00000005 616c696365 00000003 626f62',
        8: '0b 0000000001020304 00000005 616c696365 00000003 626f62',
      },
    },
  ],
  ACCEPT_CLOSE_CONNECTION: [
    { packet: { type: 'ACCEPT_CLOSE_CONNECTION', loginTarget: 'bob' }, hex: '0c 00000003 626f62' },
  ],
};

/** Connect ids that only a LONG of 8 bytes carries. */
export const WIDE_VECTORS = [
  { packet: { type: 'LOGIN_PRIVATE', connectId: 0x0102030405060708n }, hex: '09 0102030405060708' },
  { packet: { type: 'LOGIN_PRIVATE', connectId: 2147483648n }, hex: '09 0000000080000000' },
  { packet: { type: 'LOGIN_PRIVATE', connectId: 9223372036854775807n }, hex: '09 7fffffffffffffff' },
  { packet: { type: 'LOGIN_PRIVATE', connectId: -9223372036854775808n }, hex: '09 8000000000000000' },
  {
    packet: { type: 'ID_PRIVATE', loginRequester: 'alice', loginTarget: 'bob', connectId: 0x0102030405060708n },
    hex: '08 00000005 616c696365 00000003 626f62 0102030405060708',
  },
  {
    packet: { type: 'CLOSE_CONNECTION', connectId: 0x0102030405060708n, loginRequester: 'bob', loginTarget: 'alice' },
    hex: '0b 0102030405060708 00000003 626f62 00000005 616c696365',
  },
] as const satisfies readonly { packet: PacketOf<PacketType>; hex: string }[];
