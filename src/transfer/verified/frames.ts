import { pluralize } from '../../util/printable.ts';
import { ruleBroken } from './failures.ts';

/** What follows the hello. `DATA` comes in pieces: its bytes are passed on as they come, and are lent. */
export type Frame =
  | { readonly type: 'data'; readonly bytes: Buffer }
  | { readonly type: 'ack'; readonly taken: number }
  | { readonly type: 'end'; readonly length: number; readonly digest: Buffer }
  | { readonly type: 'done' }
  | { readonly type: 'fail'; readonly reason: string }
  | { readonly type: 'resume'; readonly proof: Buffer; readonly received: number };

/** The most bytes of a `DATA` frame. */
export const MAX_DATA_BYTES = 512 * 1024;
const MAX_REASON_BYTES = 1024;
const DIGEST_BYTES = 32;
const OFFSET_BYTES = 8;
const HEADER_BYTES = 5;

/** Each type: its number, and how long what follows the header may be. */
const FRAMES = {
  data: { number: 1, min: 1, max: MAX_DATA_BYTES },
  ack: { number: 2, min: OFFSET_BYTES, max: OFFSET_BYTES },
  end: { number: 3, min: OFFSET_BYTES + DIGEST_BYTES, max: OFFSET_BYTES + DIGEST_BYTES },
  done: { number: 4, min: 0, max: 0 },
  fail: { number: 5, min: 0, max: MAX_REASON_BYTES },
  resume: { number: 6, min: DIGEST_BYTES + OFFSET_BYTES, max: DIGEST_BYTES + OFFSET_BYTES },
} as const satisfies { readonly [T in Frame['type']]: object };

const TYPES = Object.keys(FRAMES) as Frame['type'][];
/** The longest frame that is put together before it is passed on. */
const MAX_WHOLE_BYTES = HEADER_BYTES + MAX_REASON_BYTES;

/** A frame as it is sent. The bytes of `DATA` are not copied: they follow the header. */
export function encodeFrame(frame: Frame): readonly Buffer[] {
  switch (frame.type) {
    case 'data':
      return [header('data', frame.bytes.length), frame.bytes];
    case 'ack':
      return [whole('ack', offset(frame.taken))];
    case 'end':
      return [whole('end', offset(frame.length), frame.digest)];
    case 'done':
      return [whole('done')];
    case 'fail':
      return [whole('fail', cutText(frame.reason))];
    default:
      return [whole('resume', frame.proof, offset(frame.received))];
  }
}

function whole(type: Frame['type'], ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([header(type, body.length), body]);
}

function header(type: Frame['type'], length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt8(FRAMES[type].number, 0);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function offset(value: number): Buffer {
  const bytes = Buffer.alloc(OFFSET_BYTES);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** A reason that is too long is cut; what is left of a character at its end shows as U+FFFD at the other side. */
function cutText(text: string): Buffer {
  return Buffer.from(text).subarray(0, MAX_REASON_BYTES);
}

/** Reads frames from chunks that are cut anywhere. */
export class FrameReader {
  /** The beginning of a frame of which the rest has not come. */
  readonly #kept = Buffer.alloc(MAX_WHOLE_BYTES);
  #keptBytes = 0;
  #type: Frame['type'] | undefined;
  /** How many bytes of the frame are to come, behind its header. */
  #length = 0;

  /** @throws {ChatosError} `DATA_INCOMPLETE` where the bytes are no frame, and what `take` throws */
  read(chunk: Buffer, take: (frame: Frame) => void): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#type === undefined) {
        rest = this.#keep(rest, HEADER_BYTES);
        if (this.#keptBytes < HEADER_BYTES) return;
        this.#readHeader();
      }
      if (this.#type === 'data') {
        const bytes = rest.subarray(0, this.#length);
        rest = rest.subarray(bytes.length);
        this.#length -= bytes.length;
        if (this.#length === 0) this.#type = undefined;
        if (bytes.length > 0) take({ type: 'data', bytes });
      } else {
        rest = this.#keep(rest, this.#length);
        if (this.#keptBytes < this.#length) return;
        const frame = decode(this.#type!, this.#kept.subarray(0, this.#length));
        this.#type = undefined;
        this.#keptBytes = 0;
        take(frame);
      }
    }
  }

  /** Keeps bytes until there are `wanted`; returns what is left over. */
  #keep(chunk: Buffer, wanted: number): Buffer {
    const count = chunk.copy(this.#kept, this.#keptBytes, 0, wanted - this.#keptBytes);
    this.#keptBytes += count;
    return chunk.subarray(count);
  }

  #readHeader(): void {
    const number = this.#kept.readUInt8(0);
    const length = this.#kept.readUInt32BE(1);
    const type = TYPES.find((each) => FRAMES[each].number === number);
    if (!type) throw ruleBroken(`frame type ${number} is unknown`);
    const { min, max } = FRAMES[type];
    if (length < min || length > max) throw ruleBroken(`a frame ${type.toUpperCase()} of ${pluralize(length, 'byte')}`);
    this.#type = type;
    this.#length = length;
    this.#keptBytes = 0;
  }
}

function decode(type: Exclude<Frame['type'], 'data'>, body: Buffer): Frame {
  switch (type) {
    case 'ack':
      return { type, taken: readOffset(body, 0) };
    case 'end':
      return { type, length: readOffset(body, 0), digest: Buffer.from(body.subarray(OFFSET_BYTES)) };
    case 'done':
      return { type };
    case 'fail':
      return { type, reason: body.toString() };
    default:
      return { type, proof: Buffer.from(body.subarray(0, DIGEST_BYTES)), received: readOffset(body, DIGEST_BYTES) };
  }
}

function readOffset(body: Buffer, at: number): number {
  const value = body.readBigUInt64BE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw ruleBroken(`a length of ${value} bytes`);
  return Number(value);
}
