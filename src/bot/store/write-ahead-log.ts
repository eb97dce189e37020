/**
 * LevelDB leaves out the records of its log that it cannot read, and reports that nowhere but in a file of its own. The
 * last one may be a write that was cut off, which was never acknowledged; any other was.
 * The format: https://github.com/google/leveldb/blob/main/doc/log_format.md
 */

const BLOCK_BYTES = 32 * 1024;
/** A masked CRC-32C of type and content, the content's length, the type. */
const HEADER_BYTES = 7;

/** Whether more is wrong with a log than that its last record was cut off. */
export function isGarbled(log: Buffer): boolean {
  // Some file systems leave zeros where a write was cut off.
  const contentEnd = log.findLastIndex((byte) => byte !== 0) + 1;
  let unreadable = false;
  for (let start = 0; start < contentEnd; start += BLOCK_BYTES) {
    const block = log.subarray(start, start + BLOCK_BYTES);
    for (let at = 0; at + HEADER_BYTES <= block.length && start + at < contentEnd;) {
      const end = at + HEADER_BYTES + block.readUInt16LE(at + 4);
      const readable = end <= block.length && block.readUInt32LE(at) === maskedCrc(block.subarray(at + 6, end));
      if (readable ? unreadable : !unreadable && start + end <= contentEnd) return true;
      unreadable = !readable;
      // Of one that cannot be read, the length may be wrong, too: another may follow anywhere.
      at = readable ? end : at + 1;
    }
  }
  return false;
}

function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli); Node has the other one. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
