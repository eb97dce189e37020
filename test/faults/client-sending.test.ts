import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createClient, openPair } from '../client/real-server.ts';
import { FakeServer } from '../support/fake-server.ts';

/** More than the system takes for a server that does not read. */
const MANY = 12_000;

describe('where the connection breaks', () => {
  it('a message counts as sent only if the system had taken it', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [session] = await Promise.all([fake.login(), client.start()]);
    session.socket.pause();
    let sent = 0;
    const saying = Array.from({ length: MANY }, () => client.say('x'.repeat(1000)).then(() => (sent += 1)));
    const settled = Promise.allSettled(saying);
    // Until nothing more fits into the buffers of the system.
    for (let before = -1, calm = 0; calm < 50; before = sent) {
      await turn();
      calm = sent === before ? calm + 1 : 0;
    }
    const before = sent;
    session.reset();
    const lost = (await settled).filter(({ status }) => status === 'rejected');
    expect(sent).toBe(before);
    expect(lost).toHaveLength(MANY - before);
    expect(lost).toContainEqual(
      expect.objectContaining({ reason: expect.objectContaining({ code: 'CONNECTION_LOST' }) as unknown }),
    );
  });

  it('a message that the server does not read for a while waits, however many there are', async () => {
    const fake = await FakeServer.listen();
    const client = createClient({ server: fake.address, login: 'alice' });
    const [session] = await Promise.all([fake.login(), client.start()]);
    session.socket.pause();
    const sent: Promise<void>[] = [];
    // Turn by turn, so that some are sent while others wait already.
    for (let i = 0; i < MANY / 1_000; i += 1) {
      for (let each = 0; each < 1_000; each += 1) sent.push(client.say('x'.repeat(1000)));
      await turn();
    }
    session.socket.resume();
    await Promise.all(sent);
    expect(client.connected).toBe(true);
    await client.destroy();
  });

  it.each<[string, (pair: Awaited<ReturnType<typeof openPair>>) => void]>([
    ['by the peer', ({ there }) => void there.destroy()],
    ['by destroy()', ({ here }) => void here.destroy()],
    ['by close()', ({ here }) => void here.close()],
    ['by destroy() of the client', ({ alice }) => void alice.destroy()],
  ])('%s, what was under way on a channel was not sent, and its callback is called', async (_, breakIt) => {
    const pair = await openPair(4);
    const { here } = pair;
    here.on('error', () => undefined);
    const size = 32 * 1024 * 1024;
    const written = new Promise<unknown>((resolve) => here.write(Buffer.alloc(size), resolve));
    await turn();
    breakIt(pair);
    here.resume();
    expect(await written).toBeInstanceOf(Error);
    if (!here.closed) await once(here, 'close');
    expect(here.bytesSent).toBeLessThan(size);
  });
});
