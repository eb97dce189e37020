import { describe, expect, it } from 'vitest';
import { assert, constantFrom, integer, ipV4, oneof, property, tuple, uint8Array } from 'fast-check';
import { MAX_HEADER_BYTES, type HeaderRead, proxyVersionOf, readProxyHeader } from '../../src/net/proxy-header.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s+/g, ''), 'hex');

/** The twelve bytes that every header of v2 begins with (2.2 of HAProxy's proxy-protocol.txt). */
const SIGNATURE = '0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A';

/** A header of v2 as the specification draws it, byte by byte. */
function v2(command: number, family: number, body: Buffer, announced = body.length): Buffer {
  const fixed = [command, family, announced >> 8, announced & 255];
  return Buffer.concat([hex(SIGNATURE), Buffer.from(fixed), body]);
}

const TCP4 = hex('C0 00 02 07  C6 33 64 01  D9 03 1E 61');

/** Headers, and whose connection each is. */
const HEADERS: readonly (readonly [name: string, header: Buffer, source: string | undefined])[] = [
  // The example of the specification: PROXY TCP4 192.168.0.1 192.168.0.11 56324 443
  [
    'v1, TCP4',
    hex(`50 52 4F 58 59 20 54 43 50 34 20 31 39 32 2E 31 36 38 2E 30 2E 31 20
         31 39 32 2E 31 36 38 2E 30 2E 31 31 20 35 36 33 32 34 20 34 34 33 0D 0A`),
    '192.168.0.1',
  ],
  [
    'v1, the longest TCP4',
    Buffer.from(`PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n`),
    '255.255.255.255',
  ],
  ['v1, port 0', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n'), '192.0.2.7'],
  ['v1, TCP6', Buffer.from('PROXY TCP6 2001:DB8:0:0::7 ::1 55555 7777\r\n'), '2001:db8::7'],
  [
    'v1, the longest TCP6',
    Buffer.from(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
    `${'ffff:'.repeat(7)}ffff`,
  ],
  ['v1, IPv4 as IPv6', Buffer.from('PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 1 2\r\n'), '192.0.2.7'],
  ['v1, UNKNOWN', hex('50 52 4F 58 59 20 55 4E 4B 4E 4F 57 4E 0D 0A'), undefined],
  [
    'v1, the longest line of all',
    Buffer.from(`PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`),
    undefined,
  ],
  ['v2, TCP4', hex(`${SIGNATURE} 21 11 00 0C  C0 00 02 07  C6 33 64 01  D9 03 1E 61`), '192.0.2.7'],
  [
    'v2, TCP6',
    hex(`${SIGNATURE} 21 21 00 24  20 01 0D B8 00 00 00 00 00 00 00 00 00 00 00 07
         20 01 0D B8 00 00 00 00 00 00 00 00 00 00 00 01  D9 03 1E 61`),
    '2001:db8::7',
  ],
  [
    'v2, IPv4 as IPv6',
    hex(`${SIGNATURE} 21 21 00 24  00 00 00 00 00 00 00 00 00 00 FF FF C0 00 02 07
         00 00 00 00 00 00 00 00 00 00 FF FF C6 33 64 01  D9 03 1E 61`),
    '192.0.2.7',
  ],
  ['v2, LOCAL, as health checks have it', hex(`${SIGNATURE} 20 00 00 00`), undefined],
  ['v2, LOCAL with addresses, which are skipped', v2(0x20, 0x11, TCP4), undefined],
  ['v2, LOCAL of a family that is unknown', v2(0x20, 0xf7, TCP4), undefined],
  ['v2, UNSPEC', hex(`${SIGNATURE} 21 00 00 00`), undefined],
  ['v2, UNSPEC with bytes behind', v2(0x21, 0x00, Buffer.alloc(40)), undefined],
  ['v2, a Unix socket', v2(0x21, 0x31, Buffer.alloc(216)), undefined],
  ['v2, datagrams over IPv4', v2(0x21, 0x12, TCP4), undefined],
  // PP2_TYPE_CRC32C with a checksum that is wrong, and PP2_TYPE_NOOP.
  [
    'v2, with extensions',
    v2(0x21, 0x11, Buffer.concat([TCP4, hex('03 00 04 00 00 00 00  04 00 02 00 00')])),
    '192.0.2.7',
  ],
  ['v2, as long as is taken', v2(0x21, 0x11, Buffer.concat([TCP4, Buffer.alloc(MAX_HEADER_BYTES - 28)])), '192.0.2.7'],
];

const version = (header: Buffer): 'v1' | 'v2' => (header[0] === 0x50 ? 'v1' : 'v2');
const other = (header: Buffer): 'v1' | 'v2' => (header[0] === 0x50 ? 'v2' : 'v1');

describe('a PROXY header', () => {
  it.each(HEADERS)('[P20] is read: %s', (_name, header, source) => {
    for (const expected of [version(header), 'any'] as const) {
      expect(readProxyHeader(header, expected)).toEqual({ is: 'header', bytes: header.length, source });
    }
    expect(proxyVersionOf(header)).toBe(version(header));
  });

  it.each(HEADERS)(
    '[P20] is incomplete before its last byte, and says nothing of what is behind it: %s',
    (_n, header, source) => {
      for (let length = 0; length < header.length; length += 1) {
        expect(readProxyHeader(header.subarray(0, length), 'any')).toEqual({ is: 'incomplete' });
      }
      const more = Buffer.concat([header, hex('00 00 00 00 05 61 6C 69 63 65')]);
      expect(readProxyHeader(more, 'any')).toEqual({ is: 'header', bytes: header.length, source });
    },
  );

  it('is known by how it begins, once all of that has come', () => {
    const starts = [Buffer.from('PROXY '), hex(SIGNATURE)];
    expect(starts.map(proxyVersionOf)).toEqual(['v1', 'v2']);
    expect(starts.map((start) => proxyVersionOf(start.subarray(0, -1)))).toEqual([undefined, undefined]);
  });

  it.each(HEADERS)('[P20] of the other version is invalid: %s', (_name, header) => {
    const read = readProxyHeader(header, other(header));
    expect(read).toEqual({ is: 'invalid', why: `it is of ${version(header)}, not of ${other(header)}` });
  });

  it.each([
    ['a LOGIN', hex('00'), 'it does not begin as one does'],
    ['a TLS ClientHello', hex('16 03 01'), 'it does not begin as one does'],
    ['lower case', Buffer.from('proxy TCP4'), 'it does not begin as one does'],
    ['a family that is none', Buffer.from('PROXY TCP5 a b 1 2\r\n'), 'its protocol is neither TCP4, TCP6 nor UNKNOWN'],
    ['IPv6 as TCP4', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n'), 'its addresses are not of TCP4'],
    ['IPv4 as TCP6', Buffer.from('PROXY TCP6 192.0.2.7 192.0.2.7 1 2\r\n'), 'its addresses are not of TCP6'],
    ['an address with a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'), 'its addresses are not of TCP6'],
    [
      'zeros in front of a byte',
      Buffer.from('PROXY TCP4 192.0.2.07 192.0.2.1 1 2\r\n'),
      'its addresses are not of TCP4',
    ],
    ['a name', Buffer.from('PROXY TCP4 localhost 192.0.2.1 1 2\r\n'), 'its addresses are not of TCP4'],
    ['no addresses', Buffer.from('PROXY TCP4\r\n'), 'its addresses are not of TCP4'],
    ['two spaces', Buffer.from('PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n'), 'its addresses are not of TCP4'],
    ['a port too large', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 65536 2\r\n'), 'it does not end with two ports'],
    [
      'zeros in front of a port',
      Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n'),
      'it does not end with two ports',
    ],
    ['a negative port', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 -1 2\r\n'), 'it does not end with two ports'],
    ['one port', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n'), 'it does not end with two ports'],
    ['a third port', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n'), 'it does not end with two ports'],
    ['LF alone', Buffer.from('PROXY UNKNOWN\n'), 'its line does not end with CR and LF'],
    ['107 bytes without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`), 'its line does not end'],
    ['version 1 in binary', hex(`${SIGNATURE} 11`), 'its version is not 2'],
    ['version 3', hex(`${SIGNATURE} 31`), 'its version is not 2'],
    ['an unknown command', hex(`${SIGNATURE} 22`), 'its command is neither LOCAL nor PROXY'],
    ['an unknown family', hex(`${SIGNATURE} 21 41 00 0C`), 'its address family or protocol is unknown'],
    ['an unknown protocol', hex(`${SIGNATURE} 21 13 00 0C`), 'its address family or protocol is unknown'],
    ['no room for IPv4', hex(`${SIGNATURE} 21 11 00 0B`), 'it is too short for its addresses'],
    ['no room for IPv6', hex(`${SIGNATURE} 21 21 00 0C`), 'it is too short for its addresses'],
    ['no room for a Unix socket', hex(`${SIGNATURE} 21 31 00 0C`), 'it is too short for its addresses'],
    ['4097 bytes', hex(`${SIGNATURE} 21 11 0F F1`), 'it announces 4097 bytes, more than 4096'],
    ['64 KiB', hex(`${SIGNATURE} 21 11 FF FF`), 'it announces 65551 bytes, more than 4096'],
  ])('[P20] is invalid as soon as it shows: %s', (_name, bytes, why) => {
    expect(readProxyHeader(bytes, 'any')).toEqual({ is: 'invalid', why });
    for (let length = 1; length < bytes.length; length += 1) {
      expect(['incomplete', 'invalid']).toContain(readProxyHeader(bytes.subarray(0, length), 'any').is);
    }
  });

  it('[P20] whatever comes, it is a header within the bounds, incomplete within them, or invalid, and stays so', () => {
    const start = constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN').map((text) =>
      Buffer.from(text),
    );
    const binary = constantFrom('', '21 11', '21 21', '20 00', '21 31 00').map((more) => hex(`${SIGNATURE} ${more}`));
    const noise = uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const any = tuple(oneof(start, binary), noise).map((parts) => Buffer.concat(parts));
    assert(
      property(any, constantFrom('v1' as const, 'v2' as const, 'any' as const), (bytes, expected) => {
        const reads = Array.from({ length: bytes.length + 1 }, (_, length) =>
          readProxyHeader(bytes.subarray(0, length), expected),
        );
        const decidedAt = reads.findIndex(({ is }) => is !== 'incomplete');
        const [begins, decided] = decidedAt === -1 ? [reads, []] : [reads.slice(0, decidedAt), reads.slice(decidedAt)];
        expect(begins.length).toBeLessThanOrEqual(MAX_HEADER_BYTES);
        // Of what is invalid, more bytes may tell more.
        const verdict = ({ is, ...rest }: HeaderRead): object => (is === 'invalid' ? { is } : { is, ...rest });
        expect(decided.map(verdict)).toEqual(decided.map(() => verdict(decided[0]!)));
        const ends = decided.map((read) => (read.is === 'header' ? read.bytes : 0));
        expect(Math.max(0, ...ends)).toBeLessThanOrEqual(decidedAt === -1 ? 0 : decidedAt);
      }),
      { numRuns: 500 },
    );
  });

  it('[P20] the addresses of a header are those that were written into it', () => {
    const port = integer({ min: 0, max: 65_535 });
    assert(
      property(ipV4(), ipV4(), port, port, (source, destination, from, to) => {
        const line = Buffer.from(`PROXY TCP4 ${source} ${destination} ${from} ${to}\r\n`);
        expect(readProxyHeader(line, 'v1')).toEqual({ is: 'header', bytes: line.length, source });
        const bytes = [...source.split('.'), ...destination.split('.')].map(Number);
        const header = v2(0x21, 0x11, Buffer.from([...bytes, from >> 8, from & 255, to >> 8, to & 255]));
        expect(readProxyHeader(header, 'v2')).toEqual({ is: 'header', bytes: 28, source });
      }),
    );
  });
});
