import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Channel } from '../../src/client/channel.ts';

const turn = (): Promise<void> => new Promise(setImmediate);

/** A channel on a connection in memory, and the peer's end of it. */
function channelOn() {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  let onEnd: (() => void) | undefined;
  const channel = new Channel({
    transport: { stream, onEnd: (listener) => (onEnd = listener), reset: () => void stream.destroy() },
    rest: Buffer.alloc(0),
    login: 'ann',
    peer: 'bob',
    role: 'requester',
    connectId: 1n,
    requestClose: () => true,
  });
  const closed = vi.fn<() => void>();
  return { channel, closed, close: () => void channel.close().then(closed), endHalf: () => onEnd!() };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('close', () => {
  it('[P15] breaks a half that the server does not end within 6 s', async () => {
    const { close, closed } = channelOn();
    close();
    vi.advanceTimersByTime(5_999);
    await turn();
    expect(closed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await turn();
    expect(closed).toHaveBeenCalledTimes(1);
  });

  it('[P15] is done when the server has ended the half, and leaves no timer', async () => {
    const { close, closed, endHalf } = channelOn();
    close();
    endHalf();
    await turn();
    expect(closed).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('[P15] gives the server 100 ms where the end of the peer has come through before', async () => {
    const { channel, close, closed, endHalf } = channelOn();
    channel.resume();
    endHalf();
    await turn();
    close();
    vi.advanceTimersByTime(99);
    await turn();
    expect(closed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await turn();
    expect(closed).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
