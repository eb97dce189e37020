import { expect, it, onTestFinished } from 'vitest';
import { ChatosError } from '../../src/errors.ts';
import { AccountSession, type AccountSettings } from '../../src/bot/account-session.ts';
import { SYSTEM_CLOCK } from '../../src/util/clock.ts';
import { MemoryLog } from '../support/bot-log.ts';
import { startServer } from '../support/bot-world.ts';

async function account({ standby = false } = {}) {
  const server = [await startServer()];
  const log = new MemoryLog();
  const settings = { server, login: 'bot', log, clock: SYSTEM_CLOCK, standby };
  const session = new AccountSession(settings as object as AccountSettings);
  onTestFinished(() => session.close());
  const { client } = session;
  return { session, log, listening: () => [client.listenerCount('connected'), client.listenerCount('closed')] };
}

it('a standby says once that it stands by, however often it tries', async () => {
  const { session, log } = await account({ standby: true });
  const taken = new ChatosError('LOGIN_REFUSED', 'taken');
  for (const attempt of [1, 2, 3]) session.client.emit('retrying', { attempt, error: taken, delayMs: 500 });
  expect(log.lines).toMatchObject([{ level: 'info', message: 'standing by: the login is taken' }]);
  expect(session.status).toMatchObject({ state: 'standby', problem: 'taken' });
});

it('who waits for a session in vain listens to it no more', async () => {
  const { session, listening } = await account();
  const before = listening();
  for (let i = 0; i < 3; i += 1) {
    const given = new AbortController();
    const waiting = session.synchronise(given.signal);
    given.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
  }
  expect(listening()).toEqual(before);
});

it('who waits for a session goes on when it is there, and fails when there will be none', async () => {
  const { session, listening } = await account();
  const before = listening();
  const waiting = session.synchronise(new AbortController().signal);
  await session.client.start();
  await waiting;
  expect(listening()).toEqual(before);
  await session.close();
  await expect(session.synchronise(new AbortController().signal)).rejects.toMatchObject({ code: 'ABORTED' });
});
