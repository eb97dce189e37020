import { expect, it } from 'vitest';
import { InMemoryDirectory } from '../../src/server/directory.ts';
import { SlowDirectory } from '../support/directories.ts';
import { describeDirectory } from './directory-contract.ts';

describeDirectory('in memory', (holdMs) => new InMemoryDirectory(holdMs));
describeDirectory('that answers later', (holdMs) => new SlowDirectory(holdMs));

it('[P7a] a directory holds a bounded number of logins: the oldest is free early', async () => {
  const directory = new InMemoryDirectory(60_000);
  const claimOf = (number: number, source: string) => {
    const login = `user${number}`;
    return { id: `${source} ${number}`, login, key: login, skeletons: [login], source };
  };
  for (let number = 0; number <= 16_384; number += 1) {
    const claim = claimOf(number, '192.0.2.1');
    expect(await directory.claim(claim)).toBeUndefined();
    await directory.release(claim, 'hold');
  }
  expect(await directory.claim(claimOf(0, '192.0.2.2'))).toBeUndefined();
  expect(await directory.claim(claimOf(1, '192.0.2.2'))).toMatchObject({ login: 'user1', held: true });
});
