import { getEventListeners } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { resolveClientOptions } from '../../src/client/options.ts';
import { runSession, type ClientSession } from '../../src/client/session.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { startServer } from '../support/bot-world.ts';

/** Sessions that all end by one signal, as those of a client do that reconnects. */
async function sessions() {
  const server = await startServer();
  const candidate = { server, machine: server.host, reachMs: 1_000 };
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const open = async (onOpen: () => void = () => undefined) => {
    const opened = withResolvers<ClientSession>();
    const handlers = {
      onOpen: (session: ClientSession) => (opened.resolve(session), onOpen()),
      onPacket: () => undefined,
    };
    const over = runSession(candidate, 'ann', handlers, resolveClientOptions({ server, login: 'ann' }), stop.signal);
    over.catch(() => undefined);
    return { over, session: await Promise.race([opened.promise, over.then(() => undefined)]) };
  };
  return { stop, open, listening: () => getEventListeners(stop.signal, 'abort').length };
}

it('a session that is over does not wait for the end of its client any more', async () => {
  const { open, listening } = await sessions();
  for (let i = 0; i < 3; i += 1) {
    const { over, session } = await open();
    expect(listening()).toBe(1);
    session!.connection.end();
    expect(await over).toBeUndefined();
    expect(listening()).toBe(0);
  }
});

it('a session that is refused does not either', async () => {
  const { open, listening } = await sessions();
  const { session } = await open();
  await expect(open()).rejects.toMatchObject({ code: 'LOGIN_REFUSED' });
  expect([session!.connection.open, listening()]).toEqual([true, 1]);
});

it('a session ends with its client, and none begins after that', async () => {
  const { stop, open, listening } = await sessions();
  const { over, session } = await open();
  stop.abort();
  expect(await over).toBeUndefined();
  expect([session!.connection.open, listening()]).toEqual([false, 0]);
  await expect(open()).rejects.toMatchObject({ code: 'ABORTED' });
});

it('a session ends, too, where its client ends just as it opens', async () => {
  const { stop, open } = await sessions();
  const { over } = await open(() => stop.abort());
  expect(await over).toBeUndefined();
});
