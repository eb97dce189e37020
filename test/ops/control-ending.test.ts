/** What becomes of the connections of a control socket, when they end and when it does. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startControlServer } from '../../src/ops/control-server.ts';
import { withResolvers } from '../../src/util/deferred.ts';
import { tempDirectory } from '../support/bot-files.ts';
import { RawControl } from '../support/control.ts';
import { LogRecorder } from '../support/server-rig.ts';

async function start() {
  const file = path.join(await tempDirectory(), 'c.sock');
  const control = await startControlServer({ path: file, answer: () => [], log: new LogRecorder() });
  onTestFinished(() => control.abort());
  return { control, client: new RawControl(file) };
}

/** With a client that does not end its side when the server does. */
async function startWithStubborn() {
  const { control, client } = await start();
  client.socket.allowHalfOpen = true;
  client.send('{"command":"a"}\n');
  await client.answer();
  return { control, client };
}

it('breaks a connection that does not end half a second after it is closed, and at once where it is aborted', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const [closed, aborted] = [await startWithStubborn(), await startWithStubborn()];
  aborted.control.abort();
  const isClosed = vi.fn<() => void>();
  const closing = closed.control.close().then(isClosed);
  await once(closed.client.socket, 'end');
  vi.advanceTimersByTime(499);
  await new Promise(setImmediate);
  expect(isClosed).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  await closing;
  // What is sent to it now fails.
  for (const { client } of [closed, aborted]) {
    client.send('{"command":"b"}\n');
    await client.ended;
  }
});

it('forgets a connection that has ended', async () => {
  const accepted = withResolvers<Socket>();
  const note = (message: unknown): void => accepted.resolve((message as { socket: Socket }).socket);
  subscribe('net.server.socket', note);
  onTestFinished(() => void unsubscribe('net.server.socket', note));
  const { control, client } = await start();
  client.socket.end();
  const socket = await accepted.promise;
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const end = vi.spyOn(socket, 'end');
  await control.close();
  expect(end).not.toHaveBeenCalled();
});
