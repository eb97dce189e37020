import * as v from 'valibot';
import { ERROR_CODES, messageOf, type ChatosError, type ErrorCode } from '../../errors.ts';
import { MAX_MESSAGE_BYTES } from '../../protocol/limits.ts';
import { loginProblem } from '../../protocol/login.ts';
import { lineError, splitLines } from '../../util/lines.ts';
import type { RuntimeEvent } from '../events.ts';

/** Of the format: a reader takes those that it knows. */
export const RECORDING_VERSION = 1;

/** The first line of a recording. */
export interface RecordingHeader {
  readonly type: 'recording';
  readonly version: typeof RECORDING_VERSION;
  /** The version of the program that wrote it. */
  readonly chatosbot: string;
  readonly startedAt: string;
  /** The time zone of the machine: what schedules go by that name none. */
  readonly timeZone: string;
}

/** Something that happened, and when. */
export type RecordedEvent = RuntimeEvent & {
  /** An ISO 8601 time with milliseconds. */
  readonly time: string;
  /** Whether the text of what is said continues on the next line. */
  readonly continues?: boolean;
};

/** An event, and the line that it stands on. */
export type RecordingLine = RecordedEvent & { readonly line: number };

export interface Recording {
  readonly header: RecordingHeader;
  readonly events: readonly RecordingLine[];
  /** Whether the last line is cut off: its writer was killed. */
  readonly truncated: boolean;
  /** The numbers of lines that are too long. */
  readonly ignored: readonly number[];
}

/** The longest line that is read; the recorder writes none that is half a megabyte long. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const time = v.pipe(v.string('a text'), v.isoTimestamp('a time as 2026-01-05T09:00:00.000Z'));
const text = v.string('a text');
const count = v.pipe(v.number('a number'), v.integer('a whole number'), v.minValue(0, 'a number of 0 or more'));
const login = v.pipe(
  text,
  v.check((name) => loginProblem(name) === undefined, 'a login'),
);
const wireText = v.pipe(text, v.maxBytes(MAX_MESSAGE_BYTES, `a text of at most ${MAX_MESSAGE_BYTES} bytes`));
const codes = Object.keys(ERROR_CODES) as ErrorCode[];
const base = { time, server: text, login };

const HEADER = v.object({
  type: v.literal('recording', "'recording'"),
  version: v.number('a number'),
  chatosbot: text,
  startedAt: time,
  timeZone: text,
});

/** What each event has besides. */
const FIELDS = {
  connected: { bots: v.array(text, 'a list'), files: v.optional(v.array(text, 'a list')) },
  heard: { number: count, from: login, private: v.boolean('true or false'), text: wireText },
  said: {
    bot: v.optional(text),
    to: v.optional(text),
    text,
    cause: v.optional(text),
    answers: v.optional(count),
    continues: v.optional(v.boolean('true or false')),
  },
  request: { from: login },
  decided: { from: login, decision: v.picklist(['accepted', 'refused'], "'accepted' or 'refused'") },
  requested: { to: text, outcome: v.picklist(['opened', ...codes], "'opened' or the code of an error") },
  closed: { peer: login, bytesReceived: count, bytesSent: count },
  reloaded: { bot: text },
  stopping: {},
} satisfies Record<RuntimeEvent['type'], v.ObjectEntries>;

const EVENT = v.variant(
  'type',
  Object.entries(FIELDS).map(([type, fields]) => v.object({ ...base, type: v.literal(type), ...fields })),
  'the type of an event',
);

/**
 * Reads a recording.
 *
 * @param chunks the bytes of the file
 * @param name what errors begin with: the file
 * @throws {ChatosError} `INVALID_ARGUMENT` for what is no recording, or of a newer format, and for a line that is wrong,
 *   with its number. An incomplete last line is no error, as its writer was killed, nor is a line that is too long.
 */
export async function readRecording(chunks: AsyncIterable<Uint8Array>, name: string): Promise<Recording> {
  let header: RecordingHeader | undefined;
  let truncated = false;
  const events: RecordingLine[] = [];
  const ignored: number[] = [];
  /** What is said in several lines, as far as it is read. */
  let begun: RecordingLine | undefined;
  for await (const { number, bytes, ended } of splitLines(chunks, MAX_LINE_BYTES)) {
    if (!bytes) {
      if (!header) throw noRecording(name);
      ignored.push(number);
      continue;
    }
    if (bytes.length === 0) throw lineError(number, 'the line is empty', name);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(bytes));
    } catch (error) {
      if (ended || !header) throw header ? lineError(number, messageOf(error), name) : noRecording(name);
      truncated = true;
      break;
    }
    if (header) {
      const { continues, ...event } = checked(EVENT, value, name, number) as RecordedEvent;
      const said = joined(begun, { ...event, line: number });
      begun = continues ? said : undefined;
      if (!continues) events.push(said);
    } else {
      header = readHeader(value, name);
    }
  }
  if (!header) throw noRecording(name);
  return { header, events, truncated: truncated || begun !== undefined, ignored };
}

/** A text that continues, and its next piece; if it was cut off before that, the piece alone. */
function joined(begun: RecordingLine | undefined, next: RecordingLine): RecordingLine {
  return begun?.type === 'said' && next.type === 'said' ? { ...begun, text: begun.text + next.text } : next;
}

function readHeader(value: unknown, name: string): RecordingHeader {
  if (!v.is(v.object({ type: v.literal('recording') }), value)) throw noRecording(name);
  const header = checked(HEADER, value, name, 1);
  if (header.version === RECORDING_VERSION) return header as RecordingHeader;
  const message = `a recording of version ${header.version}, and this chatosbot reads version ${RECORDING_VERSION}`;
  throw lineError(1, message, name);
}

function checked<T extends v.GenericSchema>(schema: T, value: unknown, name: string, line: number): v.InferOutput<T> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  if (where === null) throw lineError(line, 'expected an event', name);
  const isMissing = issue.message.startsWith('Invalid key');
  throw lineError(line, isMissing ? `'${where}' is missing` : `${where}: expected ${issue.message}`, name);
}

const noRecording = (name: string): ChatosError =>
  lineError(1, 'not a recording; expected what run --record has written', name);
