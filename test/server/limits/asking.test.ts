import { describe, expect, it, vi } from 'vitest';
import type { ServerLimits } from '../../../src/server/index.ts';
import type { RfcPeer } from '../../support/rfc-peer.ts';
import { agree, expectSilence, Rig, stopTheClock, turns } from '../../support/server-rig.ts';
import { endOf, knock, openSocket, readExactly } from '../../support/server-sockets.ts';

const STRANGER = '127.0.0.2';
const USER = '127.0.0.3';

async function joinFrom(localAddress: string, rig: Rig, name: string): Promise<RfcPeer> {
  const peer = await rig.connect(4, localAddress);
  expect(await peer.login(name)).toBe(true);
  return peer;
}

/** A bot that is asked by a stranger, from another address; no rate gives anything back by itself. */
async function asked(limits: Partial<ServerLimits>) {
  stopTheClock();
  const rig = await Rig.start({ exempt: [], ...limits });
  return { rig, bot: await rig.join('bot'), stranger: await joinFrom(STRANGER, rig, 'stranger') };
}

/** The bot says OK, and gets no connect id. */
async function expectRefusal(requester: RfcPeer, bot: RfcPeer): Promise<void> {
  requester.request(bot.name);
  await bot.next(5);
  bot.ok(requester.name);
  expect(await requester.next()).toEqual({ op: 7, requester: requester.name, target: bot.name });
  await expectSilence(bot);
}

describe('an address that asks for private connections', () => {
  it('[P11] has no more connect ids with one session than limits.maxConnectIdsPerAddress, by all its sessions', async () => {
    const { rig, bot, stranger } = await asked({ maxConnectIdsPerAddress: 2 });
    const another = await joinFrom(STRANGER, rig, 'another');
    const first = await agree(stranger, bot);
    await agree(another, bot);
    await expectRefusal(stranger, bot);
    await expectRefusal(another, bot);
    expect((await rig.log.until('too many connect ids')).fields['limit']).toBe('maxConnectIdsPerAddress');
    // What the bot asks for itself, and others ask, is not counted.
    await agree(bot, stranger);
    await agree(await joinFrom(USER, rig, 'user'), bot);
    stranger.close(first, 'stranger', 'bot');
    await bot.next(12);
    await agree(another, bot);
    await expectRefusal(stranger, bot);
  });

  it('[P11] leaves the bot connect ids for others, by default', async () => {
    const { rig, bot, stranger } = await asked({});
    const strangers = [stranger];
    for (let i = 1; i < 4; i++) strangers.push(await joinFrom(STRANGER, rig, `stranger ${i}`));
    for (let i = 0; i < 8; i++) for (const each of strangers) await agree(each, bot);
    for (const each of strangers) await expectRefusal(each, bot);
    expect(await agree(await joinFrom(USER, rig, 'user'), bot)).toBeGreaterThan(0n);
  });

  it('[P19] opens what it has agreed on, though it has all the connections that it may have', async () => {
    const { rig, bot, stranger } = await asked({ maxConnectionsPerAddress: 2 });
    const another = await joinFrom(STRANGER, rig, 'another');
    const id = await agree(stranger, another);
    const halves = [await knock(rig.port[4], id, { localAddress: STRANGER })];
    halves.push(await knock(rig.port[4], id, { localAddress: STRANGER }));
    for (const half of halves) expect(await readExactly(half, 1)).toEqual(Buffer.from([10]));
    // It may not have one more.
    await endOf(await openSocket(rig.port[4], { localAddress: STRANGER }));
    expect(rig.log.of('too many of its address')).toHaveLength(1);
    stranger.say('still here');
    expect(await bot.next(3)).toMatchObject({ msg: 'still here' });
  });

  it.each<[string, Partial<ServerLimits>, string]>([
    ['as many as may be are unidentified', { maxUnidentifiedPerAddress: 2 }, 'too many unidentified'],
    ['as many come as may', { connectionBurstPerAddress: 4, connectionsPerSecondPerAddress: 1 }, 'too fast'],
  ])('[P19] opens what it has agreed on, though %s', async (_, limits, why) => {
    const { rig, stranger } = await asked(limits);
    const another = await joinFrom(STRANGER, rig, 'another');
    const id = await agree(stranger, another);
    for (let count = 0; count < 2; count += 1) await openSocket(rig.port[4], { localAddress: STRANGER });
    await expect.poll(async () => (await rig.stats()).connections).toBe(5);
    const halves = [await knock(rig.port[4], id, { localAddress: STRANGER })];
    halves.push(await knock(rig.port[4], id, { localAddress: STRANGER }));
    for (const half of halves) expect(await readExactly(half, 1)).toEqual(Buffer.from([10]));
    // It may not have one more.
    await endOf(await openSocket(rig.port[4], { localAddress: STRANGER }));
    expect(rig.log.of(why)).toHaveLength(1);
  });

  it('[P19] cannot log in on a connection that came in as a half', async () => {
    const { rig, bot, stranger } = await asked({ maxConnectionsPerAddress: 1 });
    // Asking takes two places.
    const id = await agree(bot, stranger);
    const third = await rig.connect(4, STRANGER);
    expect(await third.login('third')).toBe(false);
    expect(rig.log.of('login refused')[0]!.fields).toMatchObject({
      why: 'too many of its address',
      limit: 'maxConnectionsPerAddress',
      lift: 'raise serve.limits.maxConnectionsPerAddress, or name the address in serve.limits.exempt',
    });
    expect(await rig.stats()).toMatchObject({ refusedLogins: 1, refusedPerAddress: 1, heldLogins: 0 });
    bot.close(id, 'bot', 'stranger');
    await stranger.next(12);
    await endOf(await openSocket(rig.port[4], { localAddress: STRANGER }));
  });

  it('[P19] opens what it was asked for by others, and has no place beside when that is over', async () => {
    const { rig, bot, stranger } = await asked({ maxConnectionsPerAddress: 1 });
    const id = await agree(bot, stranger);
    const mine = await knock(rig.port[4], id, { localAddress: STRANGER });
    const theirs = await knock(rig.port[4], id);
    expect(await readExactly(mine, 1)).toEqual(Buffer.from([10]));
    expect(await readExactly(theirs, 1)).toEqual(Buffer.from([10]));
    await endOf(await openSocket(rig.port[4], { localAddress: STRANGER }));
  });

  it('[P19] pays for both halves: the bot opens as many as it is asked for, and its address still logs in', async () => {
    const limits = { maxConnectionsPerAddress: 8, connectionBurstPerAddress: 3, connectionsPerSecondPerAddress: 1 };
    const { rig, bot, stranger } = await asked(limits);
    for (let i = 0; i < 3; i++) {
      const half = await knock(rig.port[4], await agree(stranger, bot));
      await turns(bot);
      expect(half.closed).toBe(false);
    }
    await rig.join('bot 2');
    await rig.join('bot 3');
    expect(await rig.stats()).toMatchObject({ connections: 7, refusedTooFast: 0, refusedPerAddress: 0 });
    await endOf(await openSocket(rig.port[4]));
    expect((await rig.stats()).refusedTooFast).toBe(1);
  });

  it('[P19] has half as many at once as an address may have connections; each that ends is one more', async () => {
    const { rig, bot, stranger } = await asked({ maxConnectionsPerAddress: 4 });
    const first = await agree(stranger, bot);
    await agree(stranger, await rig.join('bot 2'));
    await expectRefusal(stranger, bot);
    const line = await rig.log.until('too many connect ids');
    expect(line.fields['limit']).toBe('maxConnectionsPerAddress');
    await agree(await joinFrom(USER, rig, 'user'), bot);
    await agree(bot, stranger);
    bot.close(first, 'stranger', 'bot');
    await stranger.next(12);
    await agree(stranger, bot);
    await expectRefusal(stranger, bot);
  });

  it('[P19] has them counted though the session that asked is gone', async () => {
    const { rig, bot, stranger } = await asked({ maxConnectionsPerAddress: 2 });
    const id = await agree(stranger, bot);
    const [a, b] = [await knock(rig.port[4], id), await knock(rig.port[4], id, { localAddress: USER })];
    expect(await readExactly(a, 1)).toEqual(Buffer.of(10));
    stranger.end();
    await rig.left('stranger');
    const again = await joinFrom(STRANGER, rig, 'again');
    await expectRefusal(again, bot);
    a.destroy();
    b.destroy();
    await rig.log.until('private connection ended');
    await agree(again, bot);
  });

  it('[P19] asks at the rate of connections, after a burst', async () => {
    const { rig, bot, stranger } = await asked({ connectionBurstPerAddress: 2, connectionsPerSecondPerAddress: 1 });
    for (let i = 0; i < 2; i++) {
      const id = await agree(stranger, bot);
      stranger.close(id, 'stranger', 'bot');
      await bot.next(12);
    }
    await expectRefusal(stranger, bot);
    const line = await rig.log.until('too many connect ids');
    expect(line.fields['limit']).toBe('connectionsPerSecondPerAddress');
    vi.advanceTimersByTime(1_000);
    await agree(stranger, bot);
    await expectRefusal(stranger, bot);
  });

  it('[P19] has no limit of these where it is exempt', async () => {
    const limits = { maxConnectIdsPerAddress: 1, maxConnectionsPerAddress: 2, connectionBurstPerAddress: 2 };
    const { bot, stranger } = await asked({ ...limits, connectionsPerSecondPerAddress: 1, exempt: [STRANGER] });
    for (let i = 0; i < 5; i++) expect(await agree(stranger, bot)).toBeGreaterThan(0n);
  });
});

describe('a half', () => {
  const RATE = { connectionBurstPerAddress: 3, connectionsPerSecondPerAddress: 1 };

  it('[P19] that comes too late was paid for as well, but a second one for the same side was not', async () => {
    const { rig, bot, stranger } = await asked(RATE);
    const id = await agree(stranger, bot);
    stranger.close(id, 'stranger', 'bot');
    await bot.next(12);
    for (let i = 0; i < 3; i++) await endOf(await knock(rig.port[4], id));
    await rig.log.until('connect id over', 3);
    expect((await rig.stats()).refusedTooFast).toBe(0);
    await endOf(await openSocket(rig.port[4]));
    expect((await rig.stats()).refusedTooFast).toBe(1);
  });

  it('[P19] is paid for at the address of its session only: who has an id elsewhere takes nothing away', async () => {
    const { rig, bot, stranger } = await asked(RATE);
    const id = await agree(stranger, bot);
    const [a, b] = [1, 2].map(() => knock(rig.port[4], id, { localAddress: STRANGER }));
    expect(await readExactly(await a!, 1)).toEqual(Buffer.of(10));
    expect(await readExactly(await b!, 1)).toEqual(Buffer.of(10));
    await endOf(await knock(rig.port[4], id));
    await rig.log.until('connect id taken');
    await rig.join('bot 2');
    await rig.join('bot 3');
    await endOf(await openSocket(rig.port[4]));
    expect(await rig.stats()).toMatchObject({ refusedTooFast: 1, connections: 6 });
  });
});
