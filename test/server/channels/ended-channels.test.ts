import { expect, it, onTestFinished, vi } from 'vitest';
import { EndedChannels } from '../../../src/server/channels/ended-channels.ts';

it('each is forgotten once: the oldest of an address when there are too many, the others after a minute', () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const forgotten: bigint[] = [];
  const ended = new EndedChannels(({ id }) => forgotten.push(id));
  const count = 2 ** 11;
  for (let id = 0; id <= count; id += 1) ended.add({ id: BigInt(id), requester: { remoteAddress: '192.0.2.1' } });
  expect(forgotten).toEqual([0n]);
  for (let seconds = 0; seconds < 120; seconds += 1) vi.advanceTimersByTime(1_000);
  expect(forgotten).toEqual(Array.from({ length: count + 1 }, (_, id) => BigInt(id)));
});
