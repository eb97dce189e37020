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
  const server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return parseAddress(`127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const nowhere = parseAddress('127.0.0.1:1');

function presence({ session = true, ...settings }: { session?: boolean } & Partial<ServerPresenceSettings>) {
  const loop = { session: session ? {} : undefined, ending: false } as unknown as SessionLoop;
  return new ServerPresence({ loop, reached: () => nowhere, roundTrip: () => Promise.resolve(), ...settings });
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
    const address = await listening();
    const server = presence({ session: false, reached: () => address });
    const serverOutlived = server.witness();
    await server.sessionLost();
    vi.advanceTimersByTime(149);
    expect(await serverOutlived()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(await serverOutlived()).toBe(true);
  });

  it('[P14] is not believed where the server went away since the channel was opened, in whatever order that was found', async () => {
    const accepted = withResolvers<Socket>();
    const addresses = [await listening(accepted.resolve), nowhere];
    const server = presence({ reached: () => addresses.shift()! });
    const first = server.sessionLost();
    const opened = server.witness();
    await server.sessionLost();
    expect(await opened()).toBe(false);
    (await accepted.promise).resetAndDestroy();
    await first;
    expect(await opened()).toBe(false);
    expect(await server.witness()()).toBe(true);
  });
});
