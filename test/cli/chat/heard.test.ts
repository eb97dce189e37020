import { expect, it } from 'vitest';
import { Heard } from '../../../src/cli/chat/heard.ts';

it('who was heard last comes first, also when they were heard before', () => {
  const heard = new Heard();
  for (const login of ['ann', 'bob', 'ann']) heard.note(login);
  expect(heard.users.map(({ login }) => login)).toEqual(['ann', 'bob']);
});

it('of more than 500 users, those who were silent for longest are forgotten', () => {
  const heard = new Heard();
  for (let n = 0; n < 500; n += 1) heard.note(`user ${n}`);
  heard.note('user 0');
  heard.note('one more');
  const logins = heard.users.map(({ login }) => login);
  expect(logins).toHaveLength(500);
  expect(logins).toContain('user 0');
  expect(logins).not.toContain('user 1');
});
