import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { Deliveries } from '../../../src/transfer/secure/deliveries.ts';
import type { Tunnel } from '../../../src/transfer/secure/tunnel.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

/** What is handed on to a reader of lent bytes, who takes each when it is let; and whether the tunnel is paused. */
function lending() {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const tunnel = { paused: 0, resumed: 0 };
  const taken: string[] = [];
  const failed: unknown[] = [];
  const turns: ReturnType<typeof withResolvers<void>>[] = [];
  const deliveries = new Deliveries(stream, () => {
    return { pause: () => (tunnel.paused += 1), resume: () => (tunnel.resumed += 1) } as object as Tunnel;
  });
  deliveries.lend(
    (chunk) => {
      taken.push(String(chunk));
      const turn = withResolvers<void>();
      turns.push(turn);
      return turn.promise;
    },
    (error) => failed.push(error),
  );
  const come = (...pieces: readonly string[]): void => {
    for (const piece of pieces) deliveries.add(Buffer.from(piece));
    deliveries.gather(pieces.join('').length);
  };
  return { stream, tunnel, taken, failed, turns, deliveries, come };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('what comes while the last bytes are not taken waits for that, and comes as one', async () => {
  const { tunnel, taken, turns, deliveries, come } = lending();
  come('a', 'b');
  await turn();
  expect(taken).toEqual(['ab']);
  come('c');
  come('d');
  await turn();
  // The end of the input asks, too.
  deliveries.deliverGathered();
  expect(taken).toEqual(['ab']);
  expect(tunnel).toEqual({ paused: 1, resumed: 0 });
  turns[0]!.resolve();
  await turn();
  expect(taken).toEqual(['ab', 'cd']);
  expect(tunnel).toEqual({ paused: 1, resumed: 0 });
  turns[1]!.resolve();
  await turn();
  expect(tunnel).toEqual({ paused: 1, resumed: 1 });
  expect([deliveries.bytes, deliveries.current]).toEqual([4, undefined]);
});

it('half a mebibyte is handed on at once, and nothing is left for the end of the turn', async () => {
  const { taken, turns, come } = lending();
  come('x'.repeat(512 * 1024 - 1));
  expect(taken).toEqual([]);
  come('y');
  expect(taken.map(({ length }) => length)).toEqual([512 * 1024]);
  turns[0]!.resolve();
  await turn();
  expect(taken).toHaveLength(1);
});

it('a reader that fails gets nothing more', async () => {
  const { taken, failed, turns, deliveries, come } = lending();
  come('a');
  await turn();
  turns[0]!.reject(new Error('the disk is full'));
  await turn();
  come('b');
  await turn();
  deliveries.deliverGathered();
  expect(failed).toEqual([new Error('the disk is full')]);
  expect(taken).toEqual(['a']);
});

it('nothing is handed on when the stream is destroyed', async () => {
  const { stream, taken, come } = lending();
  come('a');
  stream.destroy();
  await turn();
  expect(taken).toEqual([]);
});
