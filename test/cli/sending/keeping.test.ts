import { expect, test } from 'vitest';
import { keepReceiving } from '../../../src/cli/sending/keeping.ts';
import { ChatosError } from '../../../src/errors.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

const NEVER = new AbortController().signal;
const NOBODY = new ChatosError('TIMED_OUT', 'no peer asked for a private connection');

/** These senders, one after the other, and then nobody any more. */
function keeping(peers: string[], receive: (channel: { peer: string }) => Promise<void>) {
  const reports: string[] = [];
  const next = async (): Promise<{ peer: string }> => {
    const peer = peers.shift();
    if (peer === undefined) throw NOBODY;
    return { peer };
  };
  const report = (type: string, text: string | undefined): void => void reports.push(`${type}: ${text}`);
  return { reports, ended: keepReceiving({ next, receive, report, signal: NEVER }) };
}

test('what has ended the client ends it at once, and is asked for once', async () => {
  const lost = new ChatosError('LOGIN_REFUSED', 'the login is taken by now');
  let asked = 0;
  const next = async (): Promise<{ peer: string }> => {
    asked += 1;
    throw asked > 3 ? new Error('asked again and again') : lost;
  };
  const ended = keepReceiving({ next, receive: async () => undefined, report: () => undefined, signal: NEVER });
  await expect(ended).rejects.toBe(lost);
  expect(asked).toBe(1);
});

test('a sender that stalls in its handshake does not end it', async () => {
  const received: string[] = [];
  const { reports, ended } = keeping(['ann', 'bob'], async ({ peer }) => {
    if (peer === 'ann') throw new ChatosError('TIMED_OUT', 'ann did not finish the handshake within 10 s');
    received.push(peer);
  });
  await expect(ended).rejects.toBe(NOBODY);
  expect(received).toEqual(['bob']);
  expect(reports).toEqual(['broken: ann did not finish the handshake within 10 s']);
});

test('a failure of ours ends it, and so does a server that is not trusted', async () => {
  for (const failure of [new Error('no space left'), new ChatosError('NOT_TRUSTED', 'another key')]) {
    const peers = ['ann', 'bob'];
    const { ended } = keeping(peers, () => Promise.reject(failure));
    await expect(ended).rejects.toBe(failure);
    expect(peers).toEqual(['bob']);
  }
});

test('what is being received is not broken off when nobody else comes in time', async () => {
  const whole = withResolvers<void>();
  let waits = 0;
  const peers = ['ann'];
  const next = async (): Promise<{ peer: string }> => {
    const peer = peers.shift();
    if (peer !== undefined) return { peer };
    waits += 1;
    await new Promise(setImmediate);
    if (waits === 3) whole.resolve();
    throw NOBODY;
  };
  let isWhole = false;
  const receive = async (): Promise<void> => {
    await whole.promise;
    isWhole = true;
  };
  const ended = keepReceiving({ next, receive, max: 2, report: () => undefined, signal: NEVER });
  await expect(ended).rejects.toBe(NOBODY);
  expect(isWhole).toBe(true);
});
