import { expect, it } from 'vitest';
import type { Membership, NodeLease } from '../../../src/cluster/membership.ts';
import type { NodeAsking } from '../../../src/cluster/nats/node-asking.ts';
import { OtherPrimaries } from '../../../src/cluster/nats/other-primaries.ts';

/** Two other nodes, of which the second answers nothing, and what they are asked. */
function primaries(answer: unknown) {
  const asked: unknown[] = [];
  const others = ['two', 'three'].map((node) => ({ node })) as NodeLease[];
  const ask = async ({ node }: NodeLease, ...of: unknown[]): Promise<unknown> => {
    asked.push([node, ...of]);
    if (node === 'three') throw new Error('it does not answer');
    return answer;
  };
  const asking = { ask } as object as NodeAsking;
  return { others: new OtherPrimaries({ others } as Partial<Membership> as Membership, asking), asked };
}

it('sessions of other nodes are named with their node, and nodes that do not answer in two seconds are said', async () => {
  const { others, asked } = primaries([{ id: '1', login: 'alice', remoteAddress: '192.0.2.1' }]);
  expect(await others.find(['alice'], false)).toEqual({
    sessions: [{ id: '1', login: 'alice', remoteAddress: '192.0.2.1', node: 'two' }],
    silent: ['three'],
  });
  expect(asked).toEqual(['two', 'three'].map((node) => [node, 'find', { who: ['alice'], isPattern: false }, 2_000]));
});

it('a session is ended at its own node alone, within six seconds', async () => {
  const { others, asked } = primaries(undefined);
  await others.kick('two', ['1']);
  await others.kick('gone', ['2']);
  expect(asked).toEqual([['two', 'kick', ['1'], 6_000]]);
});

it('the private connections of all nodes that answer are counted together', async () => {
  const { others } = primaries(3);
  expect(await others.breakChannels({ id: '1', key: 'alice' })).toBe(3);
});
