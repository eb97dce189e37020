import { once } from 'node:events';
import type { Duplex, Writable } from 'node:stream';
import { splitLines } from '../../util/lines.ts';
import { MAX_LINE_BYTES } from './session.ts';

/** What the side that has asked says on the control stream. */
export type AskerLine =
  /** A connection was reset. HTTP/2's own frame will not do: Node.js 20 ends a session in which a client sends 33 a second. */
  | { readonly type: 'reset'; readonly stream: number }
  /** Is a target permitted? `question` is a number of the asker's choice. */
  | { readonly type: 'may-connect'; readonly question: number; readonly target: string }
  /** Listen at an endpoint; `listener` is a number of the asker's choice. */
  | { readonly type: 'listen'; readonly listener: number; readonly at: string }
  /** An incoming connection cannot be served. */
  | { readonly type: 'drop'; readonly connection: number };

/** What the side that was asked says. */
export type ServerLine =
  | { readonly type: 'permitted' | 'not-permitted'; readonly question: number }
  | { readonly type: 'listening'; readonly listener: number; readonly at: string }
  | { readonly type: 'not-listening'; readonly listener: number; readonly cause: string }
  | { readonly type: 'incoming'; readonly listener: number; readonly connection: number; readonly from: string };

const FIELDS: Readonly<Record<string, Readonly<Record<string, 'number' | 'string'>>>> = {
  reset: { stream: 'number' },
  'may-connect': { question: 'number', target: 'string' },
  listen: { listener: 'number', at: 'string' },
  drop: { connection: 'number' },
  permitted: { question: 'number' },
  'not-permitted': { question: 'number' },
  listening: { listener: 'number', at: 'string' },
  'not-listening': { listener: 'number', cause: 'string' },
  incoming: { listener: 'number', connection: 'number', from: 'string' },
};

export function writeControlLine(stream: Writable, line: AskerLine | ServerLine): void {
  if (stream.writable) stream.write(`${JSON.stringify(line)}\n`);
}

/**
 * Reads lines until the stream ends; throws at one that is none of ours. One who does not read the answers is not read either.
 */
export async function readControlLines<L extends AskerLine | ServerLine>(
  stream: Duplex,
  types: readonly L['type'][],
  onLine: (line: L) => void,
): Promise<void> {
  for await (const { bytes } of splitLines(stream as AsyncIterable<Buffer>, MAX_LINE_BYTES)) {
    const line = JSON.parse(String(bytes)) as L | null;
    const fields = Object.hasOwn(FIELDS, String(line?.type)) ? FIELDS[line!.type]! : undefined;
    const isValid =
      fields !== undefined &&
      types.includes(line!.type) &&
      Object.entries(fields).every(([name, type]) => typeof (line as Record<string, unknown>)[name] === type);
    if (!isValid) throw new TypeError('not a control line');
    onLine(line!);
    if (stream.writableNeedDrain) await once(stream, 'drain');
  }
}
