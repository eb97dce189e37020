import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits/server-limits.ts';
import { complaints, writeConfig } from './loading.ts';

const FULL = `
$schema: ./docs/config.schema.json
server: tcp://chat.example.org:7777?longBytes=8
login: robot
identity: [robot.pem, robot.key]
status: 127.0.0.1:7780
bots:
  - ./bots/echo.ts
  - path: ./bots/announce.ts
    login: herald
    identity: herald.pem
    options: { cron: "0 * * * *", nested: { list: [1, two, null, true] } }
  - { path: ./bots/dice.ts, identity: false, isolate: worker, memoryMb: 64, stallMs: 2000 }
policy:
  default: refuse
  allow: ["alice", "ops-*"]
  deny: ["mallory", "?"]
  rules:
    - { from: bob, bots: [echo, "f*"], hours: "22:00-06:00", days: "mon-fri,sun", timeZone: UTC, decision: ask }
    - { from: [carol], decision: accept, limits: { maxIdleMs: 1000 } }
  limits: { maxChannels: 1, maxChannelsPerPeer: 2, maxChannelsPerBot: 3, maxRequestsPerMinute: 4, maxLifetimeMs: 5 }
heartbeatMs: 20000
announcements:
  - { cron: "0 9 * * 1-5", timeZone: Europe/Paris, text: "Stand-up in five minutes" }
  - { cron: "*/10 * * * * *", text: psst, to: alice, catchUp: last, overlap: queue }
serve:
  listen: ["127.0.0.1:7777", "[::1]:7778?longBytes=8", "7779"]
  limits: { maxConnections: 10, requestTimeoutMs: 5000 }
`;

describe('loadConfig, keys', () => {
  it('takes every documented key, and hands its value on as it stands there', async () => {
    const { config } = await loadConfig({ file: await writeConfig(FULL) });
    expect(config).toEqual({
      $schema: './docs/config.schema.json',
      server: 'tcp://chat.example.org:7777?longBytes=8',
      login: 'robot',
      identity: ['robot.pem', 'robot.key'],
      status: '127.0.0.1:7780',
      bots: [
        './bots/echo.ts',
        {
          path: './bots/announce.ts',
          login: 'herald',
          identity: 'herald.pem',
          options: { cron: '0 * * * *', nested: { list: [1, 'two', null, true] } },
        },
        { path: './bots/dice.ts', identity: false, isolate: 'worker', memoryMb: 64, stallMs: 2000 },
      ],
      policy: {
        default: 'refuse',
        allow: ['alice', 'ops-*'],
        deny: ['mallory', '?'],
        rules: [
          {
            from: 'bob',
            bots: ['echo', 'f*'],
            hours: '22:00-06:00',
            days: 'mon-fri,sun',
            timeZone: 'UTC',
            decision: 'ask',
          },
          { from: ['carol'], decision: 'accept', limits: { maxIdleMs: 1000 } },
        ],
        limits: {
          maxChannels: 1,
          maxChannelsPerPeer: 2,
          maxChannelsPerBot: 3,
          maxRequestsPerMinute: 4,
          maxLifetimeMs: 5,
        },
      },
      heartbeatMs: 20_000,
      announcements: [
        { cron: '0 9 * * 1-5', timeZone: 'Europe/Paris', text: 'Stand-up in five minutes' },
        { cron: '*/10 * * * * *', text: 'psst', to: 'alice', catchUp: 'last', overlap: 'queue' },
      ],
      serve: {
        listen: ['127.0.0.1:7777', '[::1]:7778?longBytes=8', '7779'],
        limits: { maxConnections: 10, requestTimeoutMs: 5000 },
      },
    });
  });

  it('takes networks, and the word none for limits that may be lifted', async () => {
    const text =
      'serve: { limits: { exempt: [127.0.0.0/8, "::1"], channelIdleMs: none, connectionBurstPerAddress: none } }';
    const { config } = await loadConfig({ file: await writeConfig(text) });
    expect(config.serve?.limits).toEqual({
      exempt: ['127.0.0.0/8', '::1'],
      channelIdleMs: Infinity,
      connectionBurstPerAddress: Infinity,
    });
  });

  it.each(Object.keys(DEFAULT_SERVER_LIMITS).filter((name) => name !== 'exempt'))(
    'takes the limit %s',
    async (name) => {
      const { config } = await loadConfig({ file: await writeConfig(`serve: { limits: { ${name}: 7 } }`) });
      expect(config.serve?.limits).toEqual({ [name]: 7 });
    },
  );

  it.each([
    ['false', []],
    ['1000', []],
    ['2147483647', []],
    ['2147483648', ['FILE:1:14: heartbeatMs: expected false, or milliseconds, 1000 to 2147483647']],
    ['1000.5', ['FILE:1:14: heartbeatMs: expected false, or milliseconds, 1000 to 2147483647']],
    ['999', ['FILE:1:14: heartbeatMs: expected false, or milliseconds, 1000 to 2147483647']],
    ['true', ['FILE:1:14: heartbeatMs: expected false, or milliseconds, 1000 to 2147483647, found true']],
  ])('heartbeatMs: %s', async (value, problems) => {
    expect(await complaints(`heartbeatMs: ${value}`)).toEqual(problems);
  });

  it('takes a bare port for the status endpoint', async () => {
    const { config } = await loadConfig({ file: await writeConfig('status: 7781') });
    expect(config.status).toBe('7781');
  });

  it.each([
    ['tcp://127.0.0.1:7777', /:1:9: status: 'tcp:.*the status endpoint speaks http, not tcp/],
    ['99999', /:1:9: status: '99999' is not an address/],
    ['true', /:1:9: status: expected an address \(host:port\) or a port, found true/],
    ['[7780]', /:1:9: status: expected an address \(host:port\) or a port, found a list/],
  ])('refuses the status address %s', async (value, why) => {
    expect(await complaints(`status: ${value}`)).toEqual([expect.stringMatching(why)]);
  });

  it.each(['server: embedded', 'policy: { default: ask }', 'policy: { default: accept }', 'bots: []', 'policy: {}'])(
    'takes %s',
    async (text) => {
      expect(await complaints(text)).toEqual([]);
    },
  );

  it('needs no key at all', async () => {
    const { config } = await loadConfig({ file: await writeConfig('{}') });
    expect(config).toEqual({});
  });

  it('says where the file is, and what relative paths in it are relative to', async () => {
    const file = await writeConfig('login: robot');
    const loaded = await loadConfig({ file });
    expect(loaded.file).toBe(file);
    expect(`${loaded.directory}/chatosbot.config.yaml`).toBe(file);
  });

  it('takes an explicit file without content, or with comments only, as an empty configuration', async () => {
    for (const text of ['', '# nothing yet\n']) {
      const file = await writeConfig(text);
      expect({ text, ...(await loadConfig({ file })) }).toMatchObject({ text, file, config: {} });
    }
  });
});
