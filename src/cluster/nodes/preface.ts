/** The first bytes of a connection between two nodes; the primary that reads them looks no further. */
export interface Preface {
  /** Messages, or one half of a channel. */
  readonly kind: PeerKind;
  /** The slot of the worker that is meant. */
  readonly slot: number;
  /** Whether TLS follows. */
  readonly isEncrypted: boolean;
}
export type PeerKind = 'link' | 'half';

const MAGIC = Buffer.from('chatosnd');
const VERSION = 1;
const KINDS: readonly PeerKind[] = ['link', 'half'];
/** The magic, then a byte each for version, kind, encryption, slot. */
export const PREFACE_BYTES = MAGIC.length + 4;

export function makePreface({ kind, slot, isEncrypted }: Preface): Buffer {
  return Buffer.concat([MAGIC, Buffer.from([VERSION, KINDS.indexOf(kind), isEncrypted ? 1 : 0, slot])]);
}

/** Reads a preface. Returns why the bytes are not one, in words, and `undefined` where more must come. */
export function readPreface(bytes: Buffer): Preface | string | undefined {
  const magic = bytes.subarray(0, MAGIC.length);
  if (!magic.equals(MAGIC.subarray(0, magic.length))) return 'it is no node of a cluster';
  if (bytes.length < PREFACE_BYTES) return undefined;
  const [version, kind, encryption, slot] = bytes.subarray(MAGIC.length) as unknown as [number, number, number, number];
  const known = KINDS[kind];
  if (version !== VERSION || !known)
    return `it speaks version ${version}, this node version ${VERSION}: run the same version of chatosbot on all nodes`;
  return { kind: known, slot, isEncrypted: encryption === 1 };
}
