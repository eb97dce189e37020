import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** A longer line comes in pieces: one that never ends must not take memory without bound. */
const MAX_PIECE_CHARS = 64 * 1024;
/** As Node's readline ends lines; a carriage return at the end may be the first half of one. */
const LINE_END = /\r?\n|\r(?!\n|$)|[\u2028\u2029]/;

/**
 * The lines of a text. Only as much of it is read as the lines that are asked for.
 *
 * @throws the reason of the signal, when it is aborted
 */
export async function* linesOf(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let giveUp = (_reason: unknown): void => undefined;
  const onAbort = (): void => giveUp(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // A read that waits for its bytes cannot be called off.
  const next = (): Promise<IteratorResult<Buffer, undefined>> =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      if (signal.aborted) onAbort();
      else chunks.next().then(resolve, reject);
    });
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await next();
      if (done) break;
      const lines = (rest + decoder.write(value)).split(LINE_END);
      rest = lines.pop()!;
      yield* lines;
      while (rest.length > MAX_PIECE_CHARS) {
        const end = pieceEnd(rest);
        yield rest.slice(0, end);
        rest = rest.slice(end);
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  rest += decoder.end();
  if (rest !== '') yield rest.replace(/\r$/, '');
}

/** Behind the last white space of the first piece, or at least not within a character. */
function pieceEnd(text: string): number {
  const piece = text.slice(0, MAX_PIECE_CHARS);
  const space = piece.search(/\s\S*$/);
  if (space > 0) return space + 1;
  return /[\uD800-\uDBFF]$/.test(piece) ? MAX_PIECE_CHARS - 1 : MAX_PIECE_CHARS;
}
