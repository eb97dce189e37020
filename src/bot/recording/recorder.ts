import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { ChatosError, messageOf } from '../../errors.ts';
import { toJsonLine } from '../../util/json-line.ts';
import type { Logger } from '../../util/log.ts';
import { formatBytes } from '../../util/printable.ts';
import type { RuntimeObserver } from '../events.ts';
import { RECORDING_VERSION, type RecordedEvent, type RecordingHeader } from './recording.ts';

/** What may wait for a disk that is slower than the chat, before the recording is given up. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

export interface RecorderOptions {
  /** The version of the program. */
  readonly version: string;
  /** Told, once, where the recording had to be given up. */
  readonly log: Logger;
  /** @default MAX_WAITING_BYTES */
  readonly maxWaitingBytes?: number;
}

/** Writes down what happens. */
export interface Recorder {
  readonly observer: RuntimeObserver;
  /** Resolves when everything is in the file. Never rejects. */
  close(): Promise<void>;
}

/**
 * Begins a recording: a new file, for its owner only, as there are private messages in it.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where the file is there already, or cannot be made
 */
export async function openRecording(file: string, options: RecorderOptions): Promise<Recorder> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'wx', 0o600);
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists ? 'it is there already; name a new file, or remove that one' : messageOf(error);
    throw new ChatosError('INVALID_ARGUMENT', `cannot record to ${file}: ${why}`, { cause: error, fields: { file } });
  }
  return recordTo(handle.createWriteStream(), file, options);
}

/** Records to a stream. A recording with gaps would be worth nothing: where it fails, it ends, and the bots go on. */
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
  const write = (line: RecordingHeader | RecordedEvent): void => {
    if (failed) return;
    stream.write(`${toJsonLine(line)}\n`);
    if (stream.writableLength <= maxWaitingBytes) return;
    fail(`the disk is too slow, ${formatBytes(stream.writableLength)} wait to be written`);
    stream.end();
  };
  const now = (): string => new Date().toISOString();
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  write({ type: 'recording', version: RECORDING_VERSION, chatosbot: version, startedAt: now(), timeZone });
  return {
    observer: (event) => write({ time: now(), ...event }),
    close: async () => {
      if (!stream.destroyed) stream.end();
      await closed;
    },
  };
}
