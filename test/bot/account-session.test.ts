import { expect, it, onTestFinished } from 'vitest';
import { AccountSession, type AccountSettings } from '../../src/bot/account-session.ts';
import { SYSTEM_CLOCK } from '../../src/util/clock.ts';
import { MemoryLog } from '../support/bot-log.ts';
import { startServer } from '../support/bot-world.ts';

async function account() {
  const server = [await startServer()];
  const settings = { server, login: 'bot', log: new MemoryLog(), clock: SYSTEM_CLOCK, standby: false };
  const session = new AccountSession(settings as object as AccountSettings);
  onTestFinished(() => session.close());
  const { client } = session;
  return { session, listening: () => [client.listenerCount('connected'), client.listenerCount('closed')] };
}

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
