import { expect, it, onTestFinished } from 'vitest';
import type { ClientEvents } from '../../src/client/index.ts';
import { connect, createClient, startServer } from './real-server.ts';

const QUICK = { firstMs: 8, maxMs: 32 };

/** What is thrown where nobody catches it, until the test is over. */
function uncaughtErrors(): string[] {
  const others = process.listeners('uncaughtException');
  const messages: string[] = [];
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error: Error) => void messages.push(error.message));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
  });
  return messages;
}

it.each<keyof ClientEvents>(['connected', 'disconnected', 'retrying', 'closed'])(
  'a listener of %j that throws is an uncaught error, and the client goes on',
  async (event) => {
    const { server, address } = await startServer();
    const uncaught = uncaughtErrors();
    const alice = createClient({ server: address, login: 'alice', reconnect: QUICK });
    // Node.js calls no listener after one that throws.
    let sessions = 0;
    const back = new Promise<void>((resolve) => alice.on('connected', () => void ((sessions += 1) === 2 && resolve())));
    alice.on(event, () => {
      throw new Error(`at ${event}`);
    });
    await alice.start();
    server.kick(server.sessions()[0]!.id);
    await back;
    await alice.say('back');
    await alice.close();
    await new Promise(setImmediate);
    expect(uncaught.length).toBeGreaterThan(0);
    expect(new Set(uncaught)).toEqual(new Set([`at ${event}`]));
  },
);

it('a request whose listener throws is refused, and a message in the same chunk as another is heard', async () => {
  const { address } = await startServer();
  const uncaught = uncaughtErrors();
  const [alice, bob] = [await connect(address, 'alice'), await connect(address, 'bob')];
  const heard: string[] = [];
  bob.on('message', ({ text }) => {
    heard.push(text);
    throw new Error(text);
  });
  bob.on('request', () => {
    throw new Error('request');
  });
  await Promise.all([alice.say('one'), alice.say('two')]);
  await expect(alice.request('bob')).rejects.toMatchObject({ code: 'REQUEST_REFUSED' });
  expect(heard).toEqual(['one', 'two']);
  expect(uncaught).toEqual(['one', 'two', 'request']);
});

it.each([undefined, 5, {}])('what is no text is not sent: %j', async (text) => {
  const { address } = await startServer();
  const alice = await connect(address, 'alice');
  await expect(alice.say(text as string)).rejects.toMatchObject({ code: 'INVALID_PACKET' });
  await expect(alice.tell(text as string, 'x')).rejects.toMatchObject({ code: 'INVALID_PACKET' });
});
