/** Two verified pipes over connections in memory, and what comes out of them. */
import type { ByteSink, ByteSource } from '../../../src/transfer/bytes.ts';
import type { VerifiedPipeOptions } from '../../../src/transfer/verified/options.ts';
import { VerifiedPipe } from '../../../src/transfer/verified/verified-pipe.ts';
import { memoryPair, type MemoryChannel } from './memory-channels.ts';

/** Gives chunks from one buffer, which is spoiled between two of them. */
export function lentSource(chunks: Iterable<Buffer>): ByteSource {
  const left = Array.from(chunks);
  let lent = Buffer.alloc(0);
  return {
    async read() {
      await new Promise(setImmediate);
      lent.fill(0xdd);
      const chunk = left.shift();
      if (chunk) lent = Buffer.from(chunk);
      return chunk && lent;
    },
    close: () => undefined,
  };
}

/** An output that keeps what it gets, and is as slow as it is told to. */
export class Collector implements ByteSink {
  readonly chunks: Buffer[] = [];
  ended = false;
  readonly #delay: (() => Promise<void>) | undefined;

  constructor(delay?: () => Promise<void>) {
    this.#delay = delay;
  }

  async write(chunk: Buffer): Promise<void> {
    await this.#delay?.();
    this.chunks.push(Buffer.from(chunk));
  }

  end(): void {
    this.ended = true;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** A side's result, or the error that it ended with. */
export type Outcome = { readonly sent: number; readonly received: number } | Error;

interface Ends {
  readonly requester: MemoryChannel;
  readonly target: MemoryChannel;
}

/**
 * Both sides at once, over one connection after the other: those of `connections`, then one that lasts. Each side may have
 * options of its own.
 */
export async function pipeBoth(options: {
  readonly requester: VerifiedPipeOptions;
  readonly target: VerifiedPipeOptions;
  readonly reconnect?: boolean;
  readonly onPipe?: { readonly [R in 'requester' | 'target']?: (pipe: VerifiedPipe) => void };
  readonly connections?: readonly (() => Ends)[];
}): Promise<{ requester: Outcome; target: Outcome; opened: number }> {
  const next = [...(options.connections ?? [])];
  let opened = 0;
  const open = (): Ends => {
    opened += 1;
    return (next.shift() ?? memoryPair)();
  };
  const waiting: { requester?: (channel: MemoryChannel) => void; target?: (channel: MemoryChannel) => void } = {};
  /** A connection is there when both want one. */
  const reopen =
    (role: 'requester' | 'target') =>
    (signal: AbortSignal): Promise<MemoryChannel> =>
      new Promise((resolve, reject) => {
        waiting[role] = resolve;
        signal.addEventListener('abort', () => {
          delete waiting[role];
          reject(new Error('too late'));
        });
        if (!waiting.requester || !waiting.target) return;
        const ends = open();
        waiting.requester(ends.requester);
        waiting.target(ends.target);
        delete waiting.requester;
        delete waiting.target;
      });
  const first = open();
  const outcome = async (role: 'requester' | 'target'): Promise<Outcome> => {
    const again = options.reconnect ? { reopen: reopen(role) } : {};
    try {
      const pipe = new VerifiedPipe(first[role], { ...again, ...options[role] });
      options.onPipe?.[role]?.(pipe);
      return await pipe.run();
    } catch (error) {
      return error as Error;
    }
  };
  const [requester, target] = await Promise.all([outcome('requester'), outcome('target')]);
  return { requester, target, opened };
}
