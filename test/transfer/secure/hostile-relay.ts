/** A server between two peers that does as it likes with the bytes it relays. */
import { memoryPair, type MemoryChannel, type PairOptions } from '../verified/memory-channels.ts';

export type Direction = 'there' | 'back';

/** What is done to one direction, at one place. */
export interface Tampering {
  readonly direction: Direction;
  /** The first byte that it is done to. */
  readonly at: number;
  /** How many bytes it takes: they are held back until all of them have come. */
  readonly length: number;
  /** What is passed on instead of them; `cut` ends both directions by FIN. `before` is what went through until here. */
  readonly act: (bytes: Buffer, before: Buffer) => Buffer | 'cut';
}

/** Both ends of a private connection that such a server relays, and what it saw. */
export function relayed(tampering?: Tampering, options: PairOptions = {}) {
  const [near, far] = [memoryPair(options), memoryPair(options)];
  const seen: Record<Direction, Buffer[]> = { there: [], back: [] };
  const cut = (): void => {
    near.target.end();
    far.requester.end();
  };
  const pump = (from: MemoryChannel, to: MemoryChannel, direction: Direction): void => {
    const own = tampering?.direction === direction ? tampering : undefined;
    let place = 0;
    let held = Buffer.alloc(0);
    const send = (bytes: Buffer): void => {
      if (!to.writableEnded && !to.destroyed && bytes.length > 0) to.write(bytes);
    };
    from.on('data', (chunk: Buffer) => {
      const before = Buffer.concat(seen[direction]);
      seen[direction].push(chunk);
      const at = place;
      place += chunk.length;
      if (!own) return send(chunk);
      const [first, last] = [own.at - at, own.at + own.length - at];
      send(chunk.subarray(0, Math.max(first, 0)));
      const part = chunk.subarray(Math.max(first, 0), Math.max(last, 0));
      const wasComplete = held.length === own.length && own.length > 0;
      held = Buffer.concat([held, part]);
      if (place >= own.at && !wasComplete && held.length === own.length && (own.length > 0 || first >= 0)) {
        const result = own.act(held, Buffer.concat([before, chunk]).subarray(0, own.at));
        if (result === 'cut') return cut();
        send(result);
      }
      send(chunk.subarray(Math.max(last, 0)));
    });
    from.on('end', () => {
      if (own && held.length < own.length) send(held);
      to.end();
    });
    // An abort is handed on.
    from.on('close', () => {
      if (!from.readableEnded || !from.writableFinished) to.destroy();
    });
  };
  pump(near.target, far.requester, 'there');
  pump(far.requester, near.target, 'back');
  /** The ends of the relay, which relays no more. */
  const takeOver = (): readonly [near: MemoryChannel, far: MemoryChannel] => {
    const ends = [near.target, far.requester] as const;
    for (const end of ends) for (const event of ['data', 'end', 'close']) end.removeAllListeners(event);
    for (const end of ends) end.pause();
    return ends;
  };
  return { takeOver, requester: near.requester, target: far.target, seen };
}
