import { afterEach, describe, expect, it, vi } from 'vitest';
import { Requests } from '../../src/client/requests.ts';
import type { Packet } from '../../src/protocol/packets.ts';
import { heapBytes } from '../support/heap.ts';

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
const FOR_EVER = { timeoutMs: Infinity };

function requests() {
  const sent: Packet[] = [];
  const made = new Requests('alice', (packet) => sent.push(packet));
  /** The server gives a connect id for a request of ours, or for one that we have accepted. */
  const give = (connectId: bigint, loginRequester: string, loginTarget: string): string | undefined =>
    made.onId({ type: 'ID_PRIVATE', loginRequester, loginTarget, connectId });
  return { made, sent, give };
}

afterEach(() => void vi.useRealTimers());

describe('256 requests that wait', () => {
  it('make room where one of them is over', async () => {
    const { made } = requests();
    const asking = Array.from({ length: 256 }, (_, i) => failure(made.ask(`peer ${i}`, FOR_EVER)));
    expect(await failure(made.ask('bob', FOR_EVER))).toMatchObject({ code: 'QUEUE_FULL' });
    made.onKo('peer 7');
    expect(await asking[7]).toMatchObject({ code: 'REQUEST_REFUSED' });
    const late = made.ask('bob', FOR_EVER);
    made.onKo('bob');
    expect(await failure(late)).toMatchObject({ code: 'REQUEST_REFUSED' });
    for (let i = 0; i < 256; i++) made.onKo(`peer ${i}`);
  });

  it('for acceptance make room where one of them is over', async () => {
    const { made, give } = requests();
    const accepting = Array.from({ length: 256 }, (_, i) => made.accept(`peer ${i}`, FOR_EVER));
    expect(await failure(made.accept('bob', FOR_EVER))).toMatchObject({ code: 'QUEUE_FULL' });
    give(7n, 'peer 7', 'alice');
    expect(await accepting[7]).toBe(7n);
    const late = made.accept('bob', FOR_EVER);
    give(8n, 'bob', 'alice');
    expect(await late).toBe(8n);
  });
});

it('an acceptance that was given up leaves the connect id to the next one', async () => {
  const { made, give } = requests();
  const abort = new AbortController();
  const first = failure(made.accept('bob', { ...FOR_EVER, signal: abort.signal }));
  const second = made.accept('bob', FOR_EVER);
  abort.abort();
  expect(await first).toMatchObject({ code: 'ABORTED' });
  expect(give(9n, 'bob', 'alice')).toBe('bob');
  expect(await second).toBe(9n);
});

it('a request that was given up while it waits for its turn is never sent', async () => {
  const { made, sent, give } = requests();
  const abort = new AbortController();
  const first = made.ask('bob', FOR_EVER);
  const second = failure(made.ask('bob', { ...FOR_EVER, signal: abort.signal }));
  abort.abort();
  expect(await second).toMatchObject({ code: 'ABORTED' });
  give(9n, 'alice', 'bob');
  expect(await first).toBe(9n);
  expect(sent).toHaveLength(1);
});

it('requests are repeated every second while one waits, and leave no timer behind', async () => {
  vi.useFakeTimers();
  const { made, sent } = requests();
  const asking = [failure(made.ask('bob', FOR_EVER)), failure(made.ask('carol', FOR_EVER))];
  vi.advanceTimersByTime(3_000);
  expect(sent).toHaveLength(8);
  made.onKo('bob');
  made.onKo('carol');
  expect(await Promise.all(asking)).toMatchObject([{ code: 'REQUEST_REFUSED' }, { code: 'REQUEST_REFUSED' }]);
  expect(vi.getTimerCount()).toBe(0);
});

it('peers whose requests were accepted leave nothing behind', async () => {
  const { made, sent, give } = requests();
  const accept = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i += 1) {
      const accepting = made.accept(`peer ${i}`, FOR_EVER);
      give(BigInt(i), `peer ${i}`, 'alice');
      await accepting;
      sent.length = 0;
    }
  };
  await accept(0, 1_000);
  const before = await heapBytes();
  await accept(1_000, 31_000);
  expect(await heapBytes(before + 1024 * 1024)).toBeLessThan(before + 1024 * 1024);
});
