import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { ChatosError, messageOf } from '../../errors.ts';
import { toJsonLine } from '../../util/escape.ts';
import type { Logger } from '../../util/log.ts';
import { formatBytes } from '../../util/printable.ts';
import type { RuntimeObserver } from '../events.ts';
import { RECORDING_VERSION, type RecordedEvent, type RecordingHeader } from './recording.ts';

/** What may wait for a slow disk when the next event comes; with more, the recording ends. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** So much of an event counts as waiting: that a bot says a long text does not make the disk slow. */
const MAX_COUNTED_BYTES = 1024 * 1024;

/** A longer text is recorded in several lines. */
const MAX_TEXT_CHARS = 64 * 1024;

export interface RecorderOptions {
  /** The version of the program. */
  readonly version: string;
  /** Reports, once, that the recording failed. */
  readonly log: Logger;
  /** @default MAX_WAITING_BYTES */
  readonly maxWaitingBytes?: number;
}

/** Records what happens. */
export interface Recorder {
  readonly observer: RuntimeObserver;
  /** Resolves when everything is written to the file. Never rejects. */
  close(): Promise<void>;
}

/**
 * Starts a recording in a new file, which only its owner can read, as it has private messages.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if the file exists already, or cannot be created
 */
export async function openRecording(file: string, options: RecorderOptions): Promise<Recorder> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'wx', 0o600);
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists ? 'it exists already; name a new file, or remove that one' : messageOf(error);
    throw new ChatosError('INVALID_ARGUMENT', `cannot record to ${file}: ${why}`, { cause: error, fields: { file } });
  }
  return recordTo(handle.createWriteStream(), file, options);
}

/** Records to a stream. A recording with gaps would be useless, so the first failure ends it; the bots continue. */
export function recordTo(
  stream: Writable,
  file: string,
  { version, log, maxWaitingBytes = MAX_WAITING_BYTES }: RecorderOptions,
): Recorder {
  let failed = false;
  const fail = (why: string): void => {
    if (!failed) log.error(`the recording ends here; the bots continue: ${why}`, { file });
    failed = true;
  };
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.on('error', (error) => fail(messageOf(error)));
  let waiting = 0;
  const write = (...lines: readonly (RecordingHeader | RecordedEvent)[]): void => {
    if (failed) return;
    if (waiting > maxWaitingBytes) {
      fail(`the disk is too slow, ${formatBytes(stream.writableLength)} wait to be written`);
      stream.end();
      return;
    }
    const texts = lines.map((line) => `${toJsonLine(line)}\n`);
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const counted = Math.min(bytes, MAX_COUNTED_BYTES);
    waiting += counted;
    for (const text of texts.slice(0, -1)) stream.write(text);
    stream.write(texts.at(-1), () => (waiting -= counted));
  };
  const now = (): string => new Date().toISOString();
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  write({ type: 'recording', version: RECORDING_VERSION, chatosbot: version, startedAt: now(), timeZone });
  return {
    observer: (event) => write(...linesOf({ time: now(), ...event })),
    close: async () => {
      if (!stream.destroyed) stream.end();
      await closed;
    },
  };
}

/** A bot may say a text of any length: each line has a piece of it that is short, even with all of it escaped. */
function linesOf(event: RecordedEvent): readonly RecordedEvent[] {
  if (event.type !== 'said' || event.text.length <= MAX_TEXT_CHARS) return [event];
  const lines: RecordedEvent[] = [];
  for (let end = MAX_TEXT_CHARS, start = 0; start < event.text.length; start = end, end += MAX_TEXT_CHARS) {
    const continues = end < event.text.length;
    lines.push({ ...event, text: event.text.slice(start, end), ...(continues && { continues }) });
  }
  return lines;
}
