import { describe, expect, it } from 'vitest';
import { Rig } from '../../support/server-rig.ts';
import { within } from '../../support/server-sockets.ts';

/** Another address of this machine. */
const ELSEWHERE = '127.0.0.2';

describe('a denied network', () => {
  it('is closed at accept, before anything is read, counted and logged with bounds', async () => {
    const rig = await Rig.start({}, { deny: { from: ['127.0.0.2/32', '203.0.113.0/24'] } });
    for (let count = 0; count < 20; count += 1) {
      const denied = await rig.connect(4, ELSEWHERE);
      await within(denied.ended, 'the end of a denied connection');
    }
    expect(rig.server.stats).toMatchObject({ refusedDenied: 20, accepted: 0 });
    expect(rig.log.of('connection refused: denied')).toHaveLength(1);
    expect(rig.log.of('connection refused: denied')[0]!.fields).toEqual({ from: ELSEWHERE, refused: 1 });
    await rig.join('alice');
  });

  it('is denied though it is allowed as well', async () => {
    const rig = await Rig.start({}, { deny: { from: ELSEWHERE }, allow: { from: '127.0.0.0/8' } });
    await within((await rig.connect(4, ELSEWHERE)).ended, 'the end of a denied connection');
    await rig.join('alice');
    expect(rig.server.stats.refusedDenied).toBe(1);
  });
});

it('networks that are not allowed are closed at accept', async () => {
  const rig = await Rig.start({}, { allow: { from: ['127.0.0.1', '2001:db8::/32'] } });
  await within((await rig.connect(4, ELSEWHERE)).ended, 'the end of a connection that is not allowed');
  expect(rig.server.stats.refusedDenied).toBe(1);
  await rig.log.until('connection refused: not allowed');
  await rig.join('alice');
});
