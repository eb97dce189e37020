import { describe, expect, it } from 'vitest';
import { InMemoryDirectory, type Claim } from '../../../src/server/directory.ts';
import type { ChatosServer } from '../../../src/server/server.ts';
import { Rig } from '../../support/server-rig.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

const ELSEWHERE = '127.0.0.2';
const HERE_ONLY = [{ login: 'alice', from: '127.0.0.1' }, { login: '*' }];

describe('a reserved login', () => {
  it('[P7] cannot be taken while its owner is away, and the client learns no more than that', async () => {
    const rig = await Rig.start({}, { logins: HERE_ONLY });
    const events: unknown[] = [];
    rig.server.on('loginRefused', (_session, ...event) => events.push(event));
    const stranger = await rig.connect(4, ELSEWHERE);
    expect(await stranger.login('alice')).toBe(false);
    expect((await rig.log.until('login refused')).fields).toEqual({
      login: 'alice',
      why: 'reserved: it comes from elsewhere',
      from: ELSEWHERE,
      rule: 'logins[0]',
      fingerprint: undefined,
      limit: undefined,
    });
    expect(events).toEqual([['alice', 'reserved: it comes from elsewhere', 1, undefined, 'logins[0]']]);
    expect(await rig.stats()).toMatchObject({ refusedLogins: 1, barredLogins: 1, heldLogins: 0 });
    expect(await stranger.login('mallory')).toBe(true);
    await rig.join('alice');
  });

  it.each<[what: string, rule: string, change: (server: ChatosServer) => unknown]>([
    ['the rules change', 'logins[0]', (server) => server.update({ logins: HERE_ONLY })],
    ['it is banned', 'bans.login', (server) => server.ban({ kind: 'login', what: 'alice', since: new Date() })],
  ])('[P7] is refused where %s while the directory is asked', async (_, rule, change) => {
    const directory = new InMemoryDirectory(0);
    const [asked, answer] = [withResolvers<void>(), withResolvers<void>()];
    const claim = directory.claim.bind(directory);
    directory.claim = async (wanted: Claim) => {
      asked.resolve();
      await answer.promise;
      return claim(wanted);
    };
    const rig = await Rig.start({}, { directory });
    const stranger = await rig.connect(4, ELSEWHERE);
    const accepted = stranger.login('alice');
    await asked.promise;
    change(rig.server);
    answer.resolve();
    expect(await accepted).toBe(false);
    expect((await rig.log.until('login refused')).fields).toMatchObject({ rule });
    // It was given back.
    rig.server.unban('login', 'alice');
    await rig.join('alice');
  });
});

it('[P7a] a login that was reserved for others meanwhile is not held for who had it', async () => {
  const rig = await Rig.start({ loginHoldMs: 60_000 });
  const stranger = await rig.connect(4, ELSEWHERE);
  expect(await stranger.login('alice')).toBe(true);
  rig.server.update({ logins: HERE_ONLY });
  // It stays in, and is not held when it leaves without an end.
  stranger.tell('alice', 'still here');
  await stranger.next(4);
  stranger.socket.resetAndDestroy();
  await rig.left('alice');
  await rig.join('alice');
});
