import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { ByteSource } from '../../transfer/bytes.ts';
import { descriptorSource } from '../../transfer/descriptor-source.ts';
import {
  closedOutput,
  descriptorKind,
  outputWasClosed,
  reopen,
  socketOn,
  writeAllSync,
} from '../../transfer/descriptor.ts';

/**
 * Replaces `process.stdin`, `stdout` and `stderr` where Node's streams do harm: they make a pipe non-blocking that
 * neighbours in a shell share, for them too and, after a kill, for good; and they take a write to a file that was cut short
 * (a full disk), or to a standard output that was closed, for a complete one. Node opens all three when anybody imports `node:process`: this module must come first,
 * and ours open a descriptor when they are used.
 */
export function ownStandardStreams(): void {
  for (const [name, fd] of [['stdout', 1] as const, ['stderr', 2] as const]) {
    const kind = fd === 1 && outputWasClosed() ? 'closed' : descriptorKind(fd);
    if (kind !== 'device' && kind !== 'directory') replace(name, new Output(fd, kind));
  }
  const kind = descriptorKind(0);
  if (kind === 'pipe' || kind === 'socket')
    replace(
      'stdin',
      readableOf(() => descriptorSource(0)),
    );
}

/**
 * For commands that run for long: where the reader of standard error stalls, what is beyond a megabyte is lost, and when it
 * reads again, `report` gives the line that says how many lines were.
 */
export function loseErrorLines(report: (lines: number) => string): void {
  const { stderr } = process as { readonly stderr: Writable };
  if (stderr instanceof Output) stderr.loseLines(report);
}

/** The same for standard output, where it is a report and not data. */
export function loseOutputLines(report: (lines: number) => string): void {
  const { stdout } = process as { readonly stdout: Writable };
  if (stdout instanceof Output) stdout.loseLines(report);
}

function replace(name: 'stdin' | 'stdout' | 'stderr', stream: Readable | Writable): void {
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
}

/** What a source gives, which is opened with the first read. */
export function readableOf(open: () => ByteSource): Readable {
  const chunks = async function* (): AsyncGenerator<Buffer> {
    const source = open();
    for (let chunk = await source.read(); chunk; chunk = await source.read()) yield Buffer.from(chunk);
  };
  return Readable.from(chunks(), { objectMode: false });
}

/** What may wait for a reader, in bytes; each write counts for what it holds, too. */
const MAX_WAITING_BYTES = 1024 * 1024;
const WRITE_BYTES = 256;

type Callback = (error?: Error | null) => void;

/** Standard output or standard error, without the harm that Node's streams do. */
export class Output extends Writable {
  readonly fd: 1 | 2;
  readonly #kind: 'file' | 'pipe' | 'socket' | 'closed';
  #socket: Socket | undefined;
  #isLost = false;
  #waitingWrites = 0;
  #lostLines = 0;
  #reportLost: ((lines: number) => string) | undefined;

  constructor(fd: 1 | 2, kind: 'file' | 'pipe' | 'socket' | 'closed') {
    super({ decodeStrings: true, autoDestroy: false });
    this.fd = fd;
    this.#kind = kind;
  }

  loseLines(report: (lines: number) => string): void {
    this.#reportLost = report;
  }

  override write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    if (this.#reportLost && chunk !== '' && this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#lostLines += String(chunk).split('\n').length - 1;
      // At once: a loop that prints would make a queue of what is called later.
      (typeof encoding === 'function' ? encoding : callback)?.();
      return !this.writableNeedDrain;
    }
    if (this.errored) {
      // The stream would keep it for ever, and call nobody back.
      const { errored } = this;
      process.nextTick(() => (typeof encoding === 'function' ? encoding : callback)?.(errored));
      return false;
    }
    this.#waitingWrites += 1;
    return typeof encoding === 'function' ? super.write(chunk, encoding) : super.write(chunk, encoding!, callback);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    this.#give(chunk, (error) => {
      this.#waitingWrites -= 1;
      // A disk that is full may have room again; a reader that has gone does not come back.
      const mayHeal = this.#kind === 'file' && this.#reportLost !== undefined;
      if (error && mayHeal) this.#lostLines += String(chunk).split('\n').length - 1;
      else if (this.#lostLines > 0 && this.#waitingBytes < MAX_WAITING_BYTES / 2) {
        const lines = this.#lostLines;
        this.#lostLines = 0;
        this.write(`${this.#reportLost!(lines)}\n`);
      }
      this.#isLost ||= !!error && !mayHeal;
      // What is said to people is dropped where nobody reads it; the stream goes on, so that nothing is kept for ever. After
      // an error, it would write no more.
      done(this.fd === 2 || mayHeal ? null : error);
    });
  }

  get #waitingBytes(): number {
    return this.writableLength + this.#waitingWrites * WRITE_BYTES;
  }

  #give(chunk: Buffer, done: Callback): void {
    if (this.fd === 2 && this.#isLost) {
      done();
      return;
    }
    try {
      if (this.#kind === 'closed') throw closedOutput();
      if (this.#kind === 'file') {
        writeAllSync(this.fd, chunk);
        done();
      } else {
        this.#socket ??= this.#open();
        this.#socket.write(chunk, done);
      }
    } catch (error) {
      done(error as Error);
    }
  }

  #open(): Socket {
    const socket = socketOn(reopen(this.fd, 'write') ?? this.fd, { readable: false, writable: true });
    // What fails is the write.
    return socket.on('error', () => undefined);
  }
}
