import type { EndsLoad } from './ends-load.ts';
import { startLoad, type LoadProcess } from './load-process.ts';
import type { Keep } from '../servers/processes.ts';
import type { Relay } from '../servers/relays.ts';

/** Connections through a relay, from one process to another one. */
export class Stream {
  readonly #receiver: LoadProcess<EndsLoad>;
  readonly #sender: LoadProcess<EndsLoad>;
  #sentBytes = 0;

  private constructor(receiver: LoadProcess<EndsLoad>, sender: LoadProcess<EndsLoad>) {
    this.#receiver = receiver;
    this.#sender = sender;
  }

  static async open(relay: Relay, keep: Keep, count = 1): Promise<Stream> {
    const receiver = await keep(startLoad<EndsLoad>('ends-load.ts'));
    const sender = await keep(startLoad<EndsLoad>('ends-load.ts'));
    const pairs = await relay.pairs(count);
    const [receiving, sending] = [pairs.map(([end]) => end), pairs.map(([, end]) => end)];
    await Promise.all([receiver.call('prepare', receiving), sender.call('prepare', sending)]);
    await Promise.all([receiver.call('open'), sender.call('open')]);
    return new Stream(receiver, sender);
  }

  /** Seconds until so many bytes have arrived, over one connection. */
  async send(bytes: number): Promise<number> {
    this.#sentBytes += bytes;
    const startedAt = performance.now();
    await Promise.all([this.#sender.call('send', bytes), this.#receiver.call('untilReceived', this.#sentBytes)]);
    return (performance.now() - startedAt) / 1000;
  }

  /** Sends as fast as it is taken, on all connections, until the processes end. */
  saturate(): Promise<void> {
    return this.#sender.call('send', Infinity);
  }

  /** Bytes so far. */
  received(): Promise<number> {
    return this.#receiver.call('received');
  }
}
