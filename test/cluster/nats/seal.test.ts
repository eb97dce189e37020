import { expect, it } from 'vitest';
import { Seal } from '../../../src/cluster/nats/seal.ts';

const bytes = Buffer.from('what nodes say');
const sealed = new Seal(Buffer.from('secret')).seal('here', bytes);

it('opens what has been sealed with the same secret, for the same context', () => {
  const other = new Seal(Buffer.from('secret'));
  expect(other.open('here', sealed)).toEqual(bytes);
  expect(other.open('there', sealed)).toBeUndefined();
  expect(new Seal(Buffer.from('another')).open('here', sealed)).toBeUndefined();
});

it('opens nothing that has been changed, cut, or is of another version', () => {
  const seal = new Seal(Buffer.from('secret'));
  for (let i = 0; i < sealed.length; i += 1) {
    const changed = Buffer.from(sealed);
    changed[i]! ^= 1;
    expect(seal.open('here', changed)).toBeUndefined();
    expect(seal.open('here', sealed.subarray(0, i))).toBeUndefined();
  }
});

it('does not take the end of a context for the beginning of what is sealed', () => {
  const seal = new Seal(Buffer.from('secret'));
  const one = seal.seal('a', Buffer.from('bc'));
  const other = Buffer.concat([one.subarray(0, -2), Buffer.from('c')]);
  expect(seal.open('ab', other)).toBeUndefined();
});
