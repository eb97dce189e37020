/** Both sides of a transfer over a connection in memory, and sides that do not follow the rules. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { messageOf } from '../../../src/errors.ts';
import { FileReceiver, type ReceiverOptions } from '../../../src/transfer/files/receiver.ts';
import type { StreamHandover, TransferEvent, TransferResult } from '../../../src/transfer/files/report.ts';
import { scan } from '../../../src/transfer/files/scan.ts';
import { FileSender, type SenderOptions } from '../../../src/transfer/files/sender.ts';
import { leavesNothingOpen } from '../../support/open-files.ts';
import { memoryPair, type MemoryChannel, type PairOptions } from '../verified/memory-channels.ts';
import { hello } from './naive-frames.ts';

/** A fresh folder, which is removed when the test is over: nothing in it may be open then. */
export function lab(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  leavesNothingOpen(folder);
  return folder;
}

/** A folder to receive into, and what is beside it. */
export function target() {
  const beside = lab();
  const inbox = path.join(beside, 'inbox');
  mkdirSync(inbox);
  return { beside, inbox, untouched: () => readdirSync(beside).join() === 'inbox' };
}

const NEVER = new AbortController().signal;
const RULES = { outsideLinks: 'refuse', onLeftOut: () => undefined } as const;

export type ReceiveWith = Partial<ReceiverOptions> & { readonly directory: string };
export type SendWith = Partial<SenderOptions> & { readonly sources: SenderOptions['sources'] };

export function receiverOn(channel: MemoryChannel, options: ReceiveWith): FileReceiver {
  return new FileReceiver(channel, { decide: () => undefined, reasonOf: messageOf, signal: NEVER, ...options });
}

export async function senderOn(channel: MemoryChannel, options: SendWith): Promise<FileSender> {
  const rules = options.rules ?? RULES;
  const offer = await scan(options.sources, rules, NEVER);
  return new FileSender(channel, { rules, offer, reasonOf: messageOf, signal: NEVER, ...options });
}

/** What a side ended with. */
export type Outcome = TransferResult | StreamHandover | Error;

function outcome(result: Promise<TransferResult | StreamHandover>): Promise<Outcome> {
  return result.catch((error: unknown) => error as Error);
}

/** Sends a file or folder into another one; what happened there. */
export async function transfer(
  source: string,
  receiving: ReceiveWith,
  { sending = {}, pair = {} }: { sending?: Partial<SenderOptions>; pair?: PairOptions } = {},
) {
  const { requester, target: other } = memoryPair(pair);
  const events: TransferEvent[] = [];
  const sources = [{ path: source, name: path.basename(source) }];
  const sender = await senderOn(requester, { sources, ...sending });
  const receiver = receiverOn(other, { onEvent: (event) => events.push(event), ...receiving });
  const [sent, received] = await Promise.all([outcome(sender.send()), outcome(receiver.receive())]);
  return { sent, received, events, bytesSent: requester.bytesSent };
}

/** A side that says what it wants, and hears which frames the other one says. */
export class Hostile {
  readonly #end: MemoryChannel;
  #bytes = Buffer.alloc(0);
  /** The types of all frames that came. */
  readonly heard: number[] = [];
  readonly #heard: number[] = [];
  #onFrame: () => void = () => undefined;

  constructor(end: MemoryChannel, letter: 'S' | 'R') {
    this.#end = end;
    end.write(hello(letter));
    end.on('data', (chunk: Buffer) => this.#hear(chunk));
    end.on('close', () => this.#onFrame());
  }

  get isOver(): boolean {
    return this.#end.destroyed;
  }

  say(...frames: readonly Buffer[]): void {
    if (!this.#end.destroyed) this.#end.write(Buffer.concat(frames));
  }

  /** Ends in order. */
  end(): void {
    this.#end.end();
  }

  /** Breaks the connection, when what was said has come. */
  leave(): void {
    this.#end.write('', () => setImmediate(() => this.#end.destroy()));
  }

  /** Waits for a frame of one of these types, or the end. */
  async hear(...types: readonly number[]): Promise<void> {
    const at = (): number => this.#heard.findIndex((type) => types.includes(type));
    while (at() < 0 && !this.#end.destroyed) await new Promise<void>((resolve) => (this.#onFrame = resolve));
    this.#heard.splice(0, at() + 1);
  }

  /** Leaves, when the other side has said why it gives up. */
  #hear(chunk: Buffer): void {
    const length = hello('S').length;
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= length + 5) {
      const end = length + 5 + this.#bytes.readUInt32BE(length + 1);
      if (this.#bytes.length < end) return;
      const type = this.#bytes.readUInt8(length);
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, length), this.#bytes.subarray(end)]);
      this.heard.push(type);
      this.#heard.push(type);
      if (type === FAIL) this.#end.destroy();
      this.#onFrame();
    }
  }
}

const FAIL = 32;

/** A receiver, and a hostile sender against it. */
export function againstReceiver(receiving: ReceiveWith) {
  const { requester, target: other } = memoryPair();
  const receiver = receiverOn(other, receiving);
  return { hostile: new Hostile(requester, 'S'), ended: outcome(receiver.receive()) };
}

/** A sender of one file or folder called `it`, and a hostile receiver against it. */
export async function againstSender(source: string) {
  const { requester, target: other } = memoryPair();
  const sender = await senderOn(requester, { sources: [{ path: source, name: 'it' }] });
  return { hostile: new Hostile(other, 'R'), ended: outcome(sender.send()) };
}
