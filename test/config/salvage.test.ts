/** What is left of a configuration with mistakes: `check` goes on with it, and a server that is reloaded. */
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { writeConfig } from './loading.ts';

async function salvage(text: string) {
  const { config, problems = [] } = await loadConfig({ file: await writeConfig(text), salvage: true });
  return { config, wrong: problems.map(({ path }) => path.join('.')).toSorted() };
}

it('what is right has no problems', async () => {
  expect(await salvage('login: robot')).toEqual({ config: { login: 'robot' }, wrong: [] });
});

it('keys at the top are left out where they are wrong', async () => {
  const text = 'login: ""\nserver: 127.0.0.1:7777\npolicy: { default: maybe }\nlogins: 5';
  expect(await salvage(text)).toEqual({
    config: { server: '127.0.0.1:7777' },
    wrong: ['login', 'logins', 'policy.default'],
  });
});

it('a bot stays without its wrong keys, and leaves a hole where its path or its options are wrong', async () => {
  const { config, wrong } = await salvage(`bots:
  - { path: a.ts, logn: x, memoryMb: many, options: { size: 1 } }
  - { path: 5 }
  - { path: c.ts, options: small }
  - d.ts
  - { path: e.ts, login: "", options: small }
  - 7
  - { path: g.ts }`);
  const bots: unknown[] = [{ path: 'a.ts', options: { size: 1 } }];
  bots[3] = 'd.ts';
  bots[6] = { path: 'g.ts' };
  expect(Object.entries(config.bots!)).toEqual(Object.entries(bots));
  expect(wrong).toEqual([
    'bots.0.logn',
    'bots.0.memoryMb',
    'bots.1.path',
    'bots.2.options',
    'bots.4.login',
    'bots.4.options',
    'bots.5',
  ]);
});

it('keys of serve are left out where they are wrong', async () => {
  const { config, wrong } = await salvage(
    'serve:\n  listen: [nowhere:x]\n  drainMs: -1\n  closed: true\n  halves: parties',
  );
  expect(config).toEqual({ serve: { halves: 'parties' } });
  expect(wrong).toEqual(['serve.closed', 'serve.drainMs', 'serve.listen.0']);
});

it('without salvage, there is nothing but the problems', async () => {
  const file = await writeConfig('login: robot\nbots: 5');
  await expect(loadConfig({ file })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});
