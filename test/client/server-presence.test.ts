import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ServerPresence, type ServerPresenceSettings } from '../../src/client/server-presence.ts';
import type { SessionLoop } from '../../src/client/session-loop.ts';
import { ChatosError } from '../../src/errors.ts';
import { parseAddress } from '../../src/net/address.ts';
import { withResolvers } from '../../src/util/deferred.ts';

const turn = (): Promise<void> => new Promise(setImmediate);

/** Where somebody listens, and hands over what it accepts. */
async function listening(onConnection: (socket: Socket) => void = (socket) => void socket.end()) {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = parseAddress(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { address, stop: (): void => void server.close() };
}

const nowhere = parseAddress('127.0.0.1:1');

function presence({ session = true, ...settings }: { session?: boolean } & Partial<ServerPresenceSettings>) {
  const { reached = nowhere } = settings;
  const loop = { session: session ? { reached } : undefined, ending: false } as unknown as SessionLoop;
  return new ServerPresence({ loop, reached, roundTrip: () => Promise.resolve(), ...settings });
}

describe('an end of a channel', () => {
  it('[P14] is believed where the session is open, but gives no answer within 2 s', async () => {
    const roundTrip = vi.fn<ServerPresenceSettings['roundTrip']>(({ timeoutMs }) =>
      Promise.reject(new ChatosError('TIMED_OUT', `no answer within ${timeoutMs} ms`)),
    );
    expect(await presence({ roundTrip }).witness()()).toBe(true);
    expect(roundTrip.mock.calls).toEqual([[{ timeoutMs: 2_000 }]]);
  });

  it('[P14] is believed by an answer to a question that was asked after it', async () => {
    const answers = [withResolvers<void>(), withResolvers<void>()];
    let asked = 0;
    const serverOutlived = presence({ roundTrip: () => answers[asked++]!.promise }).witness();
    const believed: number[] = [];
    const first = serverOutlived().then(() => believed.push(1));
    const later = [2, 3].map((end) => serverOutlived().then(() => believed.push(end)));
    answers[0]!.resolve();
    await first;
    await turn();
    expect([believed, asked]).toEqual([[1], 2]);
    answers[1]!.resolve();
    await Promise.all(later);
    expect([believed, asked]).toEqual([[1, 2, 3], 2]);
  });

  it('[P14] is not believed within 150 ms of the end of the session, though somebody listens there', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { address } = await listening();
    const server = presence({ session: false, reached: address });
    const serverOutlived = server.witness();
    await server.sessionLost();
    vi.advanceTimersByTime(149);
    expect(await serverOutlived()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(await serverOutlived()).toBe(true);
  });

  it('[P14] is not believed where the server went away since the channel was opened, in whatever order that was found', async () => {
    const accepted = withResolvers<Socket>();
    const { address: reached, stop } = await listening(accepted.resolve);
    const server = presence({ reached });
    const first = server.sessionLost();
    const opened = server.witness();
    const connection = await accepted.promise;
    stop();
    await server.sessionLost();
    expect(await opened()).toBe(false);
    connection.resetAndDestroy();
    await first;
    expect(await opened()).toBe(false);
    expect(await server.witness()()).toBe(true);
  });

  it('[P14] is not believed for a session at another machine: the one that relayed it is asked', async () => {
    const loop = { session: { reached: parseAddress('127.0.0.2:1') }, ending: false } as unknown as SessionLoop;
    const { address, stop } = await listening();
    const roundTrip = vi.fn<ServerPresenceSettings['roundTrip']>(() => Promise.resolve());
    const serverOutlived = new ServerPresence({ loop, reached: address, roundTrip }).witness();
    expect(await serverOutlived()).toBe(true);
    stop();
    expect(await serverOutlived()).toBe(false);
    expect(roundTrip).not.toHaveBeenCalled();
  });
});
