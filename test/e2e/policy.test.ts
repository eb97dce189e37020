import { beforeAll, describe, expect, test } from 'vitest';
import { labFile } from './chatosbot.ts';
import { runShared } from './shared-process.ts';

const CONFIG = `server: 127.0.0.1:1
bots:
  - ./bots/open.mjs
  - path: ./bots/careful.mjs
    login: robot
  - ./bots/talker.mjs
policy:
  allow: [friend]
  deny: [mallory]
  rules:
    - { from: 'ops-*', bots: open, decision: accept, limits: { maxIdleMs: 600000 } }
    - from: ops-*
      hours: 22:00-06:00
      days: mon-fri
      timeZone: Europe/Paris
      decision: refuse
  limits: { maxChannels: 20 }
`;

/** What is explained, with these arguments, in the folder of the configuration. */
async function explained(...args: string[]): Promise<string> {
  const ended = await runShared(['policy', 'explain', ...args, '--config', 'policy.yaml'], {
    env: { TZ: 'Asia/Tokyo' },
  });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  return ended.stdout;
}

describe('policy explain', () => {
  beforeAll(() => {
    labFile('work/bots/open.mjs', 'export const onChannel = () => {};');
    labFile('work/bots/careful.mjs', 'export const onChannel = () => {}; export const onPrivateRequest = () => true;');
    labFile('work/bots/talker.mjs', 'export const onMessage = () => {};');
    labFile('work/policy.yaml', CONFIG);
  });

  test('tells for each bot which rule decides, where it stands, and why', async () => {
    expect(await explained('ops-7', '--at', '2026-03-04T06:30')).toBe(
      `open: accept
  by      rules[0] (policy.yaml:11:7): ops-7 matches "ops-*" and the bot open matches "open"
  limits  20 private connections in total, 16 with a peer, 128 with a bot; 60 requests a minute; idle for 10:00 at most
careful: refuse
  not     rules[0] (policy.yaml:11:7): the bot careful does not match "open"
  by      rules[1] (policy.yaml:12:7): ops-7 matches "ops-*" and it is Tue 22:30 in Europe/Paris, within mon-fri 22:00-06:00
talker: refuse
  by      no onChannel: talker has no onChannel, so it accepts no private connections
`,
    );
  });

  test('tells it for one bot, and at another time', async () => {
    expect(await explained('ops-7', '--bot', 'careful', '--at', '2026-03-04T12:00Z')).toBe(
      `careful: ask
  not     rules[0] (policy.yaml:11:7): the bot careful does not match "open"
  not     rules[1] (policy.yaml:12:7): it is Wed 13:00 in Europe/Paris, outside mon-fri 22:00-06:00
  by      default ask (not configured): nothing else in the policy matches ops-7; that leaves it to the onPrivateRequest of careful
  limits  20 private connections in total, 16 with a peer, 128 with a bot; 60 requests a minute
`,
    );
  });

  test('tells the places in the lists', async () => {
    expect(await explained('mallory', '--bot', 'open')).toBe(
      'open: refuse\n  by      deny "mallory" (policy.yaml:9:10): deny names mallory\n',
    );
    expect(await explained('friend', '--bot', 'open')).toContain('  by      allow "friend" (policy.yaml:8:11): allow ');
  });

  test('takes a time of day as one of today', async () => {
    const rule = 'policy:\n  rules:\n    - { hours: 12:00-12:01, decision: accept }\n  default: refuse\n';
    labFile('work/noon.yaml', rule);
    const at = (time: string) => runShared(['policy', 'explain', 'a', '--at', time, '--config', 'noon.yaml']);
    expect((await at('12:00')).stdout).toMatch(/^bot, with onPrivateRequest: accept\n/);
    expect((await at('12:01')).stdout).toMatch(/\n {2}by {6}default refuse \(noon\.yaml:4:12\): nothing else/);
  });

  test('explains what holds where nothing is configured', async () => {
    const { status, stdout } = await runShared(['policy', 'explain', 'alice']);
    expect(status).toBe(0);
    expect(stdout.split('\n').filter((line) => /^\S/.test(line))).toEqual([
      'bot, with onPrivateRequest: ask',
      'bot, without onPrivateRequest: refuse',
    ]);
  });

  test('tells it to a machine, a bot a line', async () => {
    const lines = (await explained('ops-7', '--json', '--at', '2026-03-03T21:30Z')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        login: 'ops-7',
        bot: 'open',
        at: '2026-03-03T21:30:00.000Z',
        decision: 'accept',
        rule: 'rules[0]',
        place: 'policy.yaml:11:7',
        reason: 'ops-7 matches "ops-*" and the bot open matches "open"',
        limits: {
          maxChannels: 20,
          maxChannelsPerPeer: 16,
          maxChannelsPerBot: 128,
          maxRequestsPerMinute: 60,
          maxLifetimeMs: null,
          maxIdleMs: 600_000,
        },
        unmatched: [],
      },
      expect.objectContaining({
        bot: 'careful',
        decision: 'refuse',
        unmatched: [{ rule: 'rules[0]', place: 'policy.yaml:11:7', reason: 'the bot careful does not match "open"' }],
      }),
      expect.objectContaining({ bot: 'talker', decision: 'refuse', rule: 'no onChannel', place: null }),
    ]);
  });

  test.each([
    [
      ['x', '--bot', 'nobody', '--config', 'policy.yaml'],
      /policy\.yaml has no bot named 'nobody'; there are open, caref/,
    ],
    [['x', '--at', '25:00'], /expected a time such as 23:30/],
    [['x', '--at', '2026-02-31T10:00'], /expected a time such as 23:30/],
    [['x', '--at', 'noon'], /expected a time such as 23:30/],
    [['x'.repeat(31)], /it cannot be a login: it is 31 bytes long/],
    [[], /missing required argument 'login'/],
    [['x', '--config', 'bad-policy.yaml'], /bad-policy\.yaml:1:28: policy\.rules\.0\.hours: invalid hours '9-5'/],
  ])('takes %j for a mistake that it explains, with 2', async (args, why) => {
    labFile('work/bad-policy.yaml', 'policy: { rules: [{ hours: 9-5, decision: ask }] }\n');
    const ended = await runShared(['policy', 'explain', ...args]);
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(why) });
    expect(ended.stderr).not.toMatch(/^ +at /m);
  });
});
