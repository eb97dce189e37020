/** A login is 1 to 30 bytes of UTF-8 (RFC 1, P3). */
export const MAX_LOGIN_BYTES = 30;

/** A LOGIN packet may propose up to this many bytes and still be answered LOGIN_REFUSED; beyond, it is malformed (P6). */
export const MAX_PROPOSED_LOGIN_BYTES = 1024;

/** A message is 0 to 1024 bytes of UTF-8 (RFC 2, P3). */
export const MAX_MESSAGE_BYTES = 1024;

/** Bytes of a LONG on the wire: 4 as the RFC says, or 8 as many clients write it (P1). */
export type LongBytes = 4 | 8;

/** The width of a LONG if an address does not name it: 4, as in the RFC (P1). */
export const DEFAULT_LONG_BYTES: LongBytes = 4;

/** The longest packet: MESSAGE_PRIVATE with two full logins and a full message. */
export const MAX_PACKET_BYTES = 1 + 2 * (4 + MAX_LOGIN_BYTES) + 4 + MAX_MESSAGE_BYTES;
