/** Frames as bytes come, written from the RFC, fast enough for a flood: a text is made only where somebody looks at it. */

/** How many STRINGs are behind each opcode that a server sends; of ID_PRIVATE there is a LONG behind them. */
const STRINGS: Readonly<Record<number, number>> = { 1: 0, 2: 0, 3: 2, 4: 3, 5: 2, 7: 2, 8: 2, 10: 0, 12: 1 };

export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #onFrame: (op: number, strings: () => string[], frame: Buffer) => void;

  /** @param onFrame gets each frame; its bytes are valid during the call only. */
  constructor(onFrame: (op: number, strings: () => string[], frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws where the bytes are not what a server sends. */
  push(chunk: Buffer, longBytes: 4 | 8 = 4): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    for (let size; at < bytes.length && (size = sizeAt(bytes, at, longBytes)) > 0; at += size) {
      const frame = bytes.subarray(at, at + size);
      this.#onFrame(frame[0]!, () => stringsOf(frame), frame);
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}

/** The size of the frame there, 0 where it is not complete. */
function sizeAt(bytes: Buffer, start: number, longBytes: 4 | 8): number {
  const op = bytes[start]!;
  const strings = STRINGS[op];
  if (strings === undefined) throw new Error(`a server does not send opcode ${op}`);
  let at = start + 1;
  for (let i = 0; i < strings; i++) {
    if (at + 4 > bytes.length) return 0;
    at += 4 + bytes.readInt32BE(at);
  }
  if (op === 8) at += longBytes;
  return at > bytes.length ? 0 : at - start;
}

function stringsOf(frame: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 1; texts.length < STRINGS[frame[0]!]!;) {
    const size = frame.readInt32BE(at);
    texts.push(frame.toString('utf8', at + 4, at + 4 + size));
    at += 4 + size;
  }
  return texts;
}
