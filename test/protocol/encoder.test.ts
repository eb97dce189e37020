import { describe, expect, it } from 'vitest';
import { encodePacket, isChatosError, type LongBytes, type Packet, type PacketType } from '../../src/protocol/index.ts';
import { naivePacket } from '../support/naive-packets.ts';
import { WIDTHS, thrownBy } from './reading.ts';

/** Each packet with a login, message or connect id put in; one entry a field. A packet without a row does not compile. */
interface Fillings {
  readonly login: readonly ((login: string) => Packet)[];
  readonly msg: readonly ((msg: string) => Packet)[];
  readonly connectId: readonly ((connectId: bigint) => Packet)[];
}

const NOTHING: Fillings = { login: [], msg: [], connectId: [] };

function pairOf(type: 'REQUEST_PRIVATE' | 'OK_PRIVATE' | 'KO_PRIVATE'): Fillings {
  return {
    ...NOTHING,
    login: [
      (login) => ({ type, loginRequester: login, loginTarget: 'b' }),
      (login) => ({ type, loginRequester: 'a', loginTarget: login }),
    ],
  };
}

const FILLINGS: Readonly<Record<PacketType, Fillings>> = {
  LOGIN: { ...NOTHING, login: [(login) => ({ type: 'LOGIN', login })] },
  LOGIN_ACCEPTED: NOTHING,
  LOGIN_REFUSED: NOTHING,
  MESSAGE: {
    ...NOTHING,
    login: [(login) => ({ type: 'MESSAGE', login, msg: 'm' })],
    msg: [(msg) => ({ type: 'MESSAGE', login: 'a', msg })],
  },
  MESSAGE_PRIVATE: {
    ...NOTHING,
    login: [
      (login) => ({ type: 'MESSAGE_PRIVATE', loginSender: login, loginTarget: 'b', msg: 'm' }),
      (login) => ({ type: 'MESSAGE_PRIVATE', loginSender: 'a', loginTarget: login, msg: 'm' }),
    ],
    msg: [(msg) => ({ type: 'MESSAGE_PRIVATE', loginSender: 'a', loginTarget: 'b', msg })],
  },
  REQUEST_PRIVATE: pairOf('REQUEST_PRIVATE'),
  OK_PRIVATE: pairOf('OK_PRIVATE'),
  KO_PRIVATE: pairOf('KO_PRIVATE'),
  ID_PRIVATE: {
    ...NOTHING,
    login: [
      (login) => ({ type: 'ID_PRIVATE', loginRequester: login, loginTarget: 'b', connectId: 1n }),
      (login) => ({ type: 'ID_PRIVATE', loginRequester: 'a', loginTarget: login, connectId: 1n }),
    ],
    connectId: [(connectId) => ({ type: 'ID_PRIVATE', loginRequester: 'a', loginTarget: 'b', connectId })],
  },
  LOGIN_PRIVATE: { ...NOTHING, connectId: [(connectId) => ({ type: 'LOGIN_PRIVATE', connectId })] },
  ESTABLISHED: NOTHING,
  CLOSE_CONNECTION: {
    ...NOTHING,
    login: [
      (login) => ({ type: 'CLOSE_CONNECTION', connectId: 1n, loginRequester: login, loginTarget: 'b' }),
      (login) => ({ type: 'CLOSE_CONNECTION', connectId: 1n, loginRequester: 'a', loginTarget: login }),
    ],
    connectId: [(connectId) => ({ type: 'CLOSE_CONNECTION', connectId, loginRequester: 'a', loginTarget: 'b' })],
  },
  ACCEPT_CLOSE_CONNECTION: {
    ...NOTHING,
    login: [(login) => ({ type: 'ACCEPT_CLOSE_CONNECTION', loginTarget: login })],
  },
};

const ALL = Object.values(FILLINGS);
const logins = ALL.flatMap(({ login }) => login);
const messages = ALL.flatMap(({ msg }) => msg);
const connectIds = ALL.flatMap(({ connectId }) => connectId);

const REFUSED = ['INVALID_PACKET'];
const WRITTEN = ['the bytes of the RFC'];

/** What becomes of the packets, each outcome once. */
function outcomesOf(packets: readonly Packet[], widths: readonly LongBytes[] = WIDTHS): string[] {
  const outcomes = packets.flatMap((packet) => widths.map((longBytes) => outcomeOf(packet, longBytes)));
  return Array.from(new Set(outcomes));
}

function outcomeOf(packet: Packet, longBytes: LongBytes): string {
  try {
    const bytes = encodePacket(packet, longBytes);
    const isRight = bytes.equals(naivePacket(packet, longBytes));
    return isRight ? 'the bytes of the RFC' : `for ${packet.type} other bytes: ${bytes.toString('hex')}`;
  } catch (error) {
    return isChatosError(error) ? error.code : `for ${packet.type} ${String(error)}`;
  }
}

const LONE_SURROGATES = ['\ud83d', '\ude00', 'a\ud83d', '\ude00a', '\ude00\ud83d', 'a\ud83db'];

describe('encodePacket, logins', () => {
  it.each([
    ['31 letters', 'x'.repeat(31)],
    ['16 characters of two bytes', 'é'.repeat(16)],
    ['11 characters of three bytes', '€'.repeat(11)],
    ['8 emoji', '😀'.repeat(8)],
    ['29 letters and one character of two bytes', 'x'.repeat(29) + 'é'],
    ['a text as long as a message may be', 'x'.repeat(1024)],
  ])('[RFC 1] refuses %s in any field: over 30 bytes', (_, login) => {
    expect(outcomesOf(logins.map((fill) => fill(login)))).toEqual(REFUSED);
  });

  it.each([
    ['1 letter', 'x'],
    ['30 letters', 'x'.repeat(30)],
    ['15 characters of two bytes', 'é'.repeat(15)],
    ['10 characters of three bytes', '€'.repeat(10)],
    ['7 emoji and a character of two bytes', '😀'.repeat(7) + 'é'],
  ])('[RFC 1] writes %s in any field: 1 to 30 bytes', (_, login) => {
    expect(outcomesOf(logins.map((fill) => fill(login)))).toEqual(WRITTEN);
  });

  it('[P3] refuses an empty login in any field', () => {
    expect(outcomesOf(logins.map((fill) => fill('')))).toEqual(REFUSED);
  });

  it.each(LONE_SURROGATES)('[RFC] refuses %j in any login: it has no UTF-8', (login) => {
    expect(outcomesOf(logins.map((fill) => fill(login)))).toEqual(REFUSED);
  });

  it('[P3] says which field of which packet is wrong, its size and the limit', () => {
    const packet: Packet = { type: 'REQUEST_PRIVATE', loginRequester: 'a', loginTarget: 'é'.repeat(16) };
    expect(thrownBy(() => encodePacket(packet))).toMatchObject({
      name: 'ChatosError',
      code: 'INVALID_PACKET',
      fields: { type: 'REQUEST_PRIVATE', field: 'loginTarget', byteLength: 32, limit: 30 },
    });
  });
});

describe('encodePacket, messages', () => {
  it.each([
    ['1025 letters', 'x'.repeat(1025)],
    ['257 emoji', '😀'.repeat(257)],
    ['1023 letters and one character of two bytes', 'x'.repeat(1023) + 'é'],
  ])('[RFC 2] refuses %s: over 1024 bytes', (_, msg) => {
    expect(outcomesOf(messages.map((fill) => fill(msg)))).toEqual(REFUSED);
  });

  it.each([
    ['1024 letters', 'x'.repeat(1024)],
    ['256 emoji', '😀'.repeat(256)],
    ['control characters and line ends', '\0\t\r\n\u202e'],
    ['nothing', ''],
  ])('[P3] writes %s: 0 to 1024 bytes', (_, msg) => {
    expect(outcomesOf(messages.map((fill) => fill(msg)))).toEqual(WRITTEN);
  });

  it.each(LONE_SURROGATES)('[RFC] refuses %j in a message: it has no UTF-8', (msg) => {
    expect(outcomesOf(messages.map((fill) => fill(msg)))).toEqual(REFUSED);
  });
});

describe.each(WIDTHS)('encodePacket, connect ids in a LONG of %i bytes', (longBytes) => {
  const max = 2n ** BigInt(8 * longBytes - 1) - 1n;
  const min = -max - 1n;

  it.each([max + 1n, min - 1n, 2n * max, 2n ** 64n + 1n])('[P1] refuses %s: it does not fit', (connectId) => {
    expect(
      outcomesOf(
        connectIds.map((fill) => fill(connectId)),
        [longBytes],
      ),
    ).toEqual(REFUSED);
  });

  it.each([max, min, 0n, 1n, -1n])('[P1] writes %s', (connectId) => {
    expect(
      outcomesOf(
        connectIds.map((fill) => fill(connectId)),
        [longBytes],
      ),
    ).toEqual(WRITTEN);
  });
});
