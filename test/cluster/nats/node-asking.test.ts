import { describe, expect, it, onTestFinished } from 'vitest';
import { NodeAsking, type WantedLogin } from '../../../src/cluster/nats/node-asking.ts';
import { Seal } from '../../../src/cluster/nats/seal.ts';
import type { Obstacle } from '../../../src/server/directory.ts';
import { ChatosError } from '../../../src/errors.ts';
import { NO_NATS } from '../../support/nats-server.ts';
import { joinCluster, SECRET, startNats } from '../../support/nats-nodes.ts';

const WANTED: WantedLogin = {
  key: 'lYWxpY2U',
  claim: { id: '1', login: 'alice', key: 'alice', skeletons: [], source: '192.0.2.1' },
  since: undefined,
};
const OBSTACLE: Obstacle = { id: '2', login: 'alice', key: 'alice', held: false };

/** A node that answers, one that asks, and all that has been asked and answered over NATS. */
async function begin() {
  const server = await startNats();
  const [a, b] = [await joinCluster(server, 'a'), await joinCluster(server, 'b')];
  const seal = new Seal(SECRET);
  const [asks, answers] = [new NodeAsking(a, seal), new NodeAsking(b, seal)];
  const asked: WantedLogin[] = [];
  answers.answer({
    obstacle: (wanted) => {
      asked.push(wanted);
      return OBSTACLE;
    },
  });
  const seen: { readonly subject: string; readonly data: Uint8Array }[] = [];
  const { connection } = a.broker;
  connection.subscribe('chatos.n.b', { callback: (_, { subject, data }) => void seen.push({ subject, data }) });
  await connection.flush();
  await b.broker.connection.flush();
  onTestFinished(() => {
    asks.close();
    answers.close();
  });
  return { a, b, asks, answers, asked, seen, connection };
}

describe.skipIf(NO_NATS)('what a node asks another (where NATS is installed)', () => {
  it('is answered', async () => {
    const { asks, asked, b } = await begin();
    expect(await asks.ask(b.self, 'obstacle', WANTED, 1_000)).toEqual(OBSTACLE);
    expect(asked).toEqual([WANTED]);
  });

  it('is answered with what the other node throws', async () => {
    const { asks, answers, b } = await begin();
    answers.answer({
      obstacle: () => {
        throw new ChatosError('QUEUE_FULL', 'too much', { fields: { limit: 3 } });
      },
    });
    const failed = asks.ask(b.self, 'obstacle', WANTED, 1_000);
    await expect(failed).rejects.toMatchObject({ code: 'QUEUE_FULL', message: 'too much', fields: { limit: 3 } });
  });

  it('is not answered where nobody knows it, and that is said', async () => {
    const { asks, b } = await begin();
    await expect(asks.ask(b.self, 'toString' as never, WANTED as never, 1_000)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "this node does not answer 'toString'",
    });
  });

  it('is not waited for where nobody is there, or does not answer', async () => {
    const { asks, answers, b } = await begin();
    await expect(asks.ask({ ...b.self, node: 'nobody' }, 'obstacle', WANTED, 1_000)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('the node nobody cannot be asked'),
    });
    answers.answer({ obstacle: () => new Promise(() => undefined) });
    await expect(asks.ask(b.self, 'obstacle', WANTED, 50)).rejects.toMatchObject({
      code: 'TIMED_OUT',
      message: 'the node b does not answer within 0.05 s',
    });
  });

  it('is for one lease of the other node', async () => {
    const { asks, asked, b } = await begin();
    await expect(asks.ask({ ...b.self, epoch: 'older' }, 'obstacle', WANTED, 100)).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
    expect(asked).toEqual([]);
  });

  it('is not done again when somebody else sends it again, or garbles it', async () => {
    const { asks, asked, b, seen, connection } = await begin();
    await asks.ask(b.self, 'obstacle', WANTED, 1_000);
    const { subject, data } = seen.find((each) => each.subject === 'chatos.n.b')!;
    const garbled = Uint8Array.from(data);
    garbled[garbled.length - 1]! ^= 1;
    for (const sent of [data, garbled, Buffer.from('junk'), Buffer.alloc(0)]) connection.publish(subject, sent);
    await asks.ask(b.self, 'obstacle', WANTED, 1_000);
    expect(asked).toHaveLength(2);
  });

  it('is not answered by somebody else', async () => {
    const { a, asks, answers, b } = await begin();
    answers.close();
    await b.broker.connection.flush();
    const forger = new Seal(Buffer.from('another'));
    b.broker.connection.subscribe('chatos.n.b', {
      callback: (_, message) => void message.respond(forger.seal(`answer ${a.self.epoch} 1`, Buffer.from('{}'))),
    });
    await b.broker.connection.flush();
    await expect(asks.ask(b.self, 'obstacle', WANTED, 1_000)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: 'the node b has not answered: somebody else has',
    });
  });

  it('says that an answer is too large for NATS', async () => {
    const { asks, answers, b } = await begin();
    answers.answer({ obstacle: () => ({ ...OBSTACLE, login: 'x'.repeat(2 ** 21) }) });
    await expect(asks.ask(b.self, 'obstacle', WANTED, 1_000)).rejects.toThrow(/max_payload/);
  });
});
