import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { ConfirmedEnd } from '../../src/net/confirmed-end.ts';

/** A connection, and how often somebody has had to find out whether its end is one. */
function connection() {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  onTestFinished(() => void stream.destroy());
  const counts = { findOut: 0, reported: 0 };
  const end = new ConfirmedEnd(stream, () => (counts.findOut += 1));
  const peerEnds = async (): Promise<void> => {
    stream.resume().push(null);
    await once(stream, 'end');
  };
  return { stream, end, counts, peerEnds, report: () => (counts.reported += 1) };
}

it('an end that nobody asks for is one as it comes', async () => {
  const { stream, end, counts, peerEnds } = connection();
  end.ask(undefined);
  const closed = once(stream, 'close');
  stream.end();
  await peerEnds();
  await closed;
  expect([end.ending, counts.findOut]).toEqual(['in order', 0]);
});

it('an end is found out once, however often it is asked for, and told to who has asked last', async () => {
  const { stream, end, counts, peerEnds, report } = connection();
  end.ask(() => expect.unreachable());
  end.ask(undefined);
  end.ask(report);
  stream.end();
  await peerEnds();
  await new Promise(setImmediate);
  expect([counts.findOut, counts.reported, end.ending]).toEqual([1, 0, undefined]);
  expect(end.confirm()).toBe(false);
  expect([counts.reported, end.ending]).toEqual([1, 'in order']);
  expect(end.confirm()).toBe(false);
  expect(counts.reported).toBe(1);
});

it('an end that is known is told to who asks later, and what has not been confirmed was an abort', async () => {
  const known = connection();
  known.end.ask(() => undefined);
  await known.peerEnds();
  expect(known.end.confirm()).toBe(true);
  known.end.ask(known.report);
  expect(known.counts.reported).toBe(0);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  expect(known.counts.reported).toBe(1);
  known.stream.end();
  await once(known.stream, 'close');
  expect(known.end.ending).toBe('in order');
  const unknown = connection();
  unknown.end.ask(() => undefined);
  unknown.stream.end();
  await unknown.peerEnds();
  unknown.stream.destroy();
  expect(unknown.end.ending).toBe('aborted');
});
