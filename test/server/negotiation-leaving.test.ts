import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { ConnectedClient } from '../../src/server/directory.ts';
import type { RequestRefusal, ServerEvents } from '../../src/server/events.ts';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits/server-limits.ts';
import { Negotiations } from '../../src/server/negotiation.ts';
import { SLICE_MS } from '../../src/net/turn-queue.ts';

function clientOf(login: string, send: () => void = () => undefined): ConnectedClient {
  const nothing = (): void => undefined;
  return {
    id: login,
    key: login,
    login,
    remoteAddress: '192.0.2.1',
    longBytes: 4,
    send,
    sendBytes: nothing,
    flush: nothing,
  };
}

it('a requester that leaves before the KO for a target that has left is counted once, and sent nothing', async () => {
  const events = new EventEmitter<ServerEvents>();
  const refused: [login: string, why: RequestRefusal][] = [];
  events.on('requestRefused', ({ requester }, why) => refused.push([requester.login, why]));
  const negotiations = new Negotiations(DEFAULT_SERVER_LIMITS, events);
  // To tell one of these takes a whole turn: those behind it have to wait.
  const slow = (login: string): ConnectedClient =>
    clientOf(login, () => {
      for (const end = performance.now() + 2 * SLICE_MS; performance.now() < end;);
    });
  let answers = 0;
  const last = clientOf('bob', () => (answers += 1));
  const target = clientOf('eve');
  for (const requester of [slow('ann'), slow('amy'), last]) expect(negotiations.ask(requester, target)).toBe('forward');
  negotiations.leave(target.id);
  expect(refused).toEqual([['ann', 'left']]);
  negotiations.leave(last.id);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(refused.map(([login]) => login).toSorted()).toEqual(['amy', 'ann', 'bob']);
  expect(answers).toBe(0);
});
