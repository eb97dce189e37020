import { describe, expect, test } from 'vitest';
import { chooseAccount } from '../../../src/cli/replay/account-choice.ts';
import { parseAddress } from '../../../src/net/address.ts';

const [HERE, THERE] = ['tcp://127.0.0.1:7777', 'tcp://127.0.0.1:8888'];
const at = (server: string, login: string) => ({ server, login });
const file = 'r.ndjson';

describe('the account that is replayed', () => {
  test('is the only one, whatever the bot is called', () => {
    const events = [at(HERE, 'dice'), at(HERE, 'dice')];
    expect(chooseAccount(events, { file, names: ['dice2'] })).toEqual(at(HERE, 'dice'));
  });

  test('is that of the bot among several, or the one that is named', () => {
    const events = [at(HERE, 'dice'), at(HERE, 'echo'), at(THERE, 'echo')];
    expect(chooseAccount(events, { file, names: ['dice'] })).toEqual(at(HERE, 'dice'));
    expect(chooseAccount(events, { file, names: ['echo'], login: 'dice' })).toEqual(at(HERE, 'dice'));
    expect(chooseAccount(events, { file, names: ['echo'], server: [parseAddress('127.0.0.1:8888')] })).toEqual(
      at(THERE, 'echo'),
    );
  });

  test.each([
    [{ names: ['x'] }, 'r.ndjson has several accounts; choose one with --login: dice on tcp://127.0.0.1:7777'],
    [{ names: ['echo'] }, 'choose one with --server: echo on tcp://127.0.0.1:7777, echo on tcp://127.0.0.1:8888'],
    [{ names: ['dice'], login: 'ann' }, 'r.ndjson: there is no account ann in it; it has dice on'],
    [
      { names: ['dice'], server: [parseAddress('1.2.3.4:5')] },
      'r.ndjson: there is no account on tcp://1.2.3.4:5 in it; it has dice on',
    ],
  ])('must be clear: %j', (criteria, message) => {
    const events = [at(HERE, 'dice'), at(HERE, 'echo'), at(THERE, 'echo')];
    expect(() => chooseAccount(events, { file, ...criteria })).toThrow(message);
  });
});
