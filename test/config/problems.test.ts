import { describe, expect, it } from 'vitest';
import { CONFIG_SCHEMA } from '../../src/config/schema.ts';
import { complaints, like } from './loading.ts';

describe('loadConfig, wrong keys and values in YAML', () => {
  it.each([
    ['servr: embedded', "FILE:1:1: servr: unknown key 'servr'; did you mean 'server'?"],
    [
      'login: a\nxyzzy: 1',
      `FILE:2:1: xyzzy: unknown key 'xyzzy'; expected one of ${Object.keys(CONFIG_SCHEMA.entries).join(', ')}`,
    ],
    ['policy:\n  alow: [a]', "FILE:2:3: policy.alow: unknown key 'alow'; did you mean 'allow'?"],
    ['bots:\n  - path: a.ts\n    lgin: b', "FILE:3:5: bots.0.lgin: unknown key 'lgin'; did you mean 'login'?"],
    [
      'serve:\n  limits:\n    maxUsers: 1',
      "FILE:3:5: serve.limits.maxUsers: unknown key 'maxUsers'; docs/server.md#limits lists those that there are",
    ],
    ['serve:\n  limits:\n    maxConections: 1', /^FILE:3:5: .*'maxConections'; did you mean 'maxConnections'\?/],
    ['announcements:\n  - cron: "* * * * *"\n    txt: a\n    text: b', /^FILE:3:5: .*'txt'; did you mean 'text'\?/],
  ])('reports the unknown key in %j', async (text, expected) => {
    expect(await complaints(text)).toEqual([like(expected)]);
  });

  it.each([
    [
      'bots: []\n---\nlogin: a',
      'FILE:2:1: a second document begins here: a configuration is one, so remove the line ---',
    ],
    ['bots:\n\t- a', 'FILE:2:1: tabs cannot indent in YAML: use spaces'],
  ])('says what to do about %j', async (text, expected) => {
    expect(await complaints(text)).toEqual([expected]);
  });

  it.each(['// a', '/* a */'])('says what to do about comments in JSON: %s', async (comment) => {
    expect(await complaints(`{ ${comment}\n  "login": "a" }`, 'a.json')).toEqual([
      'FILE:1:3: JSON has no comments: remove it, or name the file .yaml and begin comments with #',
    ]);
  });

  it('reports all unknown keys of each mapping', async () => {
    const text = [
      'polcy: 1',
      'heartbeatMS: 1',
      'sever: 1',
      'bots:',
      '  - { path: a.ts, logn: x, Options: {}, server: 1, options: { any: { key: 1 } } }',
      'policy: { rules: [{ decision: ask, form: a, dys: b }] }',
      'serve: { limits: { a: 1, b: 2 }, constructor: 1 }',
    ];
    const found = (await complaints(text.join('\n'))).map((line) => line.replace(/(?<=unknown key).*/, ''));
    expect(found).toEqual([
      'FILE:1:1: polcy: unknown key',
      'FILE:2:1: heartbeatMS: unknown key',
      'FILE:3:1: sever: unknown key',
      'FILE:5:19: bots.0.logn: unknown key',
      'FILE:5:28: bots.0.Options: unknown key',
      expect.stringContaining('FILE:5:49: bots.0.server: expected an address, or a list of addresses'),
      'FILE:6:36: policy.rules.0.form: unknown key',
      'FILE:6:45: policy.rules.0.dys: unknown key',
      'FILE:7:20: serve.limits.a: unknown key',
      'FILE:7:26: serve.limits.b: unknown key',
      'FILE:7:34: serve.constructor: unknown key',
    ]);
  });

  it.each([
    ['login: 42', 'FILE:1:8: login: expected a text, found 42'],
    ['[]', 'FILE:1:1: expected a mapping of keys to values, found a list'],
    ['login: a\npolicy: []', 'FILE:2:9: policy: expected a mapping of keys to values, found a list'],
    [
      'policy: { rules: [{ decision: ask, limits: [] }] }',
      'FILE:1:44: policy.rules.0.limits: expected a mapping of keys to values, found a list',
    ],
    ['bots: [[]]', /^FILE:1:8: bots\.0: expected/],
    ['loopGuard: { maxScore: 0.05 }', 'FILE:1:24: loopGuard.maxScore: expected 0.1 or more'],
    ['serve: { limits: [] }', 'FILE:1:18: serve.limits: expected a mapping of keys to values, found a list'],
    [
      'flood: { queueTimeoutMs: .nan }',
      'FILE:1:26: flood.queueTimeoutMs: expected a number, or none for no limit, found NaN',
    ],
    ['login:', 'FILE:1:7: login: expected a text, found nothing'],
    ['announcements:\n  - 5', 'FILE:2:5: announcements.0: expected a mapping of keys to values, found 5'],
    [
      'policy: { rules: [{ decision: ask }, nope] }',
      /^FILE:1:38: policy\.rules\.1: expected a mapping.*, found "nope"/,
    ],
    ['login: [a]', 'FILE:1:8: login: expected a text, found a list'],
    ['server: []', /^FILE:1:9: server: '' is not an address: it is empty/],
    ['server: "a,"', /^FILE:1:9: server: 'a,' has nothing between two commas/],
    ['server: [a, b, a]', /^FILE:1:9: server: 'a,b,a' has tcp:\/\/a:7777 twice/],
    ['server: [a, embedded]', /^FILE:1:9: server: 'a,embedded' has 'embedded', which cannot be one of several/],
    ['server: [a, "b:port"]', /^FILE:1:13: server.1: 'b:port' is not an address/],
    ['server: [a, 7777]', /^FILE:1:13: server.1: expected/],
    ['bots: ./echo.ts', 'FILE:1:7: bots: expected a list, found "./echo.ts": write ["./echo.ts"]'],
    ['bots:\n  a: b', /^FILE:2:3: bots: expected a list, found a mapping/],
    ['bots: [ok.ts, 42]', /^FILE:1:15: bots\.1: expected the path of a plugin file, or \{ path/],
    ['bots:\n  - path: 1', 'FILE:2:11: bots.0.path: expected a text, found 1'],
    ['bots:\n  - login: b', "FILE:2:5: bots.0: 'path' is missing"],
    ['bots:\n  - path: a.ts\n    options: [1]', /^FILE:3:14: bots\.0\.options: expected a mapping.*, found a list/],
    [
      'bots: [{ path: a.ts, isolate: process }]',
      'FILE:1:31: bots.0.isolate: expected worker, or leave the key out, found "process"',
    ],
    ['bots: [{ path: a.ts, isolate: worker, memoryMb: 8 }]', /^FILE:1:49: bots\.0\.memoryMb: expected 32 or more/],
    ['bots: [{ path: a.ts, isolate: worker, stallMs: 1 }]', /^FILE:1:48: bots\.0\.stallMs: expected 100 or more/],
    ['bots: [{ path: a.ts, stallMs: 900 }]', /^FILE:1:\d+: bots\.0\.stallMs: has no effect without 'isolate: worker'/],
    ['policy: maybe', /^FILE:1:9: policy: expected a mapping.*, found "maybe"/],
    [
      'policy: { default: acept }',
      `FILE:1:20: policy.default: expected one of accept, refuse, ask, found "acept"; did you mean 'accept'?`,
    ],
    ['heartbeatMs: "20000"', /^FILE:1:14: heartbeatMs: expected false, or milliseconds.*, found the text "20000"$/],
    ['policy: { default: maybe }', /^FILE:1:20: policy\.default: expected one of accept, refuse, ask/],
    ['policy: { allow: [alice, 7] }', 'FILE:1:26: policy.allow.1: expected a text, found 7'],
    ['policy: { deny: [""] }', 'FILE:1:18: policy.deny.0: a pattern is not empty'],
    ['serve: { listen: [] }', /^FILE:1:18: serve\.listen: name an address/],
    ['serve: { listen: "7777" }', /^FILE:1:18: serve\.listen: expected a list, found "7777": write \["7777"\]$/],
    ['serve: { limits: { maxConnections: many } }', /^FILE:1:36: .*maxConnections: expected a number, found "many"/],
    ['serve: { limits: { maxConnections: none } }', /^FILE:1:36: .*maxConnections: expected a number, found "none"/],
    [
      'serve: { limits: { channelIdleMs: never } }',
      'FILE:1:35: serve.limits.channelIdleMs: expected a number, or none for no limit, found "never"',
    ],
    [
      'serve: { limits: { connectionBurstPerAddress: 0 } }',
      /^FILE:1:47: .*connectionBurstPerAddress: expected 1 or more/,
    ],
    [
      'serve: { limits: { exempt: [127.0.0.1, local] } }',
      /^FILE:1:40: serve\.limits\.exempt\.1: 'local' is not a network: expected an address/,
    ],
    ['serve: { limits: { exempt: 127.0.0.1 } }', /^FILE:1:28: .*exempt: expected a list, found "127.0.0.1"/],
    ['serve: { limits: { maxConnections: 0 } }', /^FILE:1:36: .*maxConnections: expected 1 or more/],
    ['serve: { limits: { maxConnections: 1.5 } }', /^FILE:1:36: .*maxConnections: expected a whole number/],
    [
      "serve: { listen: ['7779?proxy=v2'] }",
      /^FILE:1:18: serve.listen: an address with \?proxy= lets only proxies connect, .* name them in 'proxies'/,
    ],
    ['serve: { proxies: [localhost] }', /^FILE:1:20: serve.proxies.0: 'localhost' is not a network/],
    ['- login: a', /^FILE:1:1: expected a mapping.*, found a list/],
    ['embedded', /^FILE:1:1: expected a mapping.*, found "embedded"/],
    ['announcements: [{ cron: "* * * * *" }]', "FILE:1:17: announcements.0: 'text' is missing"],
    [
      'announcements: [{ cron: "* * * * *", text: a, catchUp: yes }]',
      'FILE:1:56: announcements.0.catchUp: expected one of none, last, all, found "yes"',
    ],
    [
      'announcements: [{ cron: "* * * * *", text: a, overlap: 1 }]',
      'FILE:1:56: announcements.0.overlap: expected one of skip, queue, parallel, found 1',
    ],
    ['announcements: [{ cron: "* * * * *", text: "" }]', 'FILE:1:44: announcements.0.text: the text is empty'],
  ])('reports what was expected in %j', async (text, expected) => {
    expect(await complaints(text)).toEqual([like(expected)]);
  });

  it.each([
    ['login: " robot"', /^FILE:1:8: login: ' robot' is not a login: it starts or ends with white space/],
    ['login: ""', /^FILE:1:8: login: '' is not a login: it is empty/],
    [`login: ${'x'.repeat(31)}`, /^FILE:1:8: login: .* is not a login: it is 31 bytes long, and 30 are allowed/],
    ['identity: []', /^FILE:1:11: identity: expected a file, two files, or false/],
    ['server: "host:1?pin=x"', /^FILE:1:9: server: .*'pin' is for tls:\/\/ only/],
    ['server: "host:1?proxy=v1"', /^FILE:1:9: server: .*'proxy' is for the address that a server listens on/],
    ['server: "localhost:99999"', /^FILE:1:9: server: .*'99999' is not a port.*expected \[tcp\|tls\]:\/\/host:port/],
    ['server: embeded', "FILE:1:9: server: expected host:port, or embedded; did you mean 'embedded'?"],
    ['server: 7777x', /^FILE:1:9: server: .*'7777x' is not a port/],
    ['status: 7780x', /^FILE:1:9: status: .*'7780x' is not a port/],
    [
      'bots: [{ path: a.ts, server: Embedded }]',
      "FILE:1:30: bots.0.server: expected host:port, or embedded; did you mean 'embedded'?",
    ],
    ['server: "http://x"', /^FILE:1:9: server: .*'http' is not a known transport/],
    ['server: "x:1?longBytes=5"', /^FILE:1:9: server: .*longBytes is 4 or 8, not '5'/],
    ['serve:\n  listen:\n    - 127.0.0.1:7777\n    - "::1"', /^FILE:4:7: serve\.listen\.1: .*needs brackets/],
  ])('reports the bad login or address in %j', async (text, expected) => {
    expect(await complaints(text)).toEqual([like(expected)]);
  });

  it('reports a bad cron expression at the expression, a bad zone at the zone', async () => {
    const text = [
      'announcements:',
      '  - cron: "61 * * * *"',
      '    text: a',
      '  - { cron: "* * * * *", timeZone: Europe/Pariss, text: b }',
      '  - { cron: "0 0 30 2 *", timeZone: UTC, text: c }',
      '  - { cron: "* * *", timeZone: Mars, text: d }',
    ].join('\n');
    expect(await complaints(text)).toEqual([
      expect.stringMatching(/^FILE:2:11: announcements\.0\.cron: '61 \* \* \* \*' is not a cron expression: .*range/),
      expect.stringMatching(/^FILE:4:36: announcements\.1\.timeZone: 'Europe\/Pariss' is not a time zone; expected/),
      expect.stringMatching(/^FILE:5:13: announcements\.2\.cron: .*never matches/),
      expect.stringMatching(/^FILE:6:13: announcements\.3\.cron: .*Too few fields/),
      expect.stringMatching(/^FILE:6:32: announcements\.3\.timeZone: 'Mars' is not a time zone/),
    ]);
  });

  it.each([
    ['from: 7', 'FILE:3:11: policy.rules.0.from: expected a pattern or a list of patterns, found 7'],
    [
      'from: { a: b }',
      /^FILE:3:11: policy\.rules\.0\.from: expected a pattern or a list of patterns, found a mapping$/,
    ],
    ['from: [a, 7]', 'FILE:3:15: policy.rules.0.from.1: expected a text, found 7'],
    ['from: []', 'FILE:3:11: policy.rules.0.from: name one, or leave the key out'],
    ['from: ""', 'FILE:3:11: policy.rules.0.from: a pattern is not empty'],
    ['bots: [""]', 'FILE:3:12: policy.rules.0.bots.0: a pattern is not empty'],
    [`from: ${'x'.repeat(31)}`, /^FILE:3:11: policy\.rules\.0\.from: 'x+' matches nobody: it is 31 bytes long/],
    ['hours: 9-17', "FILE:3:12: policy.rules.0.hours: invalid hours '9-17'; expected a form such as 09:00-17:30"],
    ['hours: 9', 'FILE:3:12: policy.rules.0.hours: expected a text, found 9'],
    ['days: weekend', /^FILE:3:11: policy\.rules\.0\.days: invalid days 'weekend'; expected a form such as/],
    ['timeZone: Mars', /^FILE:3:15: policy\.rules\.0\.timeZone: 'Mars' is not a time zone; expected/],
    ['form: a', "FILE:3:5: policy.rules.0.form: unknown key 'form'; did you mean 'from'?"],
    ['limits: { maxIdle: 1 }', /^FILE:3:15: policy\.rules\.0\.limits\.maxIdle: unknown key 'maxIdle'; did you mean/],
    ['limits: { maxIdleMs: 0 }', 'FILE:3:26: policy.rules.0.limits.maxIdleMs: expected 1 or more'],
    ['limits: { maxRequestsPerMinute: 99999 }', /^FILE:3:37: .*maxRequestsPerMinute: expected 10000 or less$/],
  ])('reports what is wrong in the rule %j', async (text, expected) => {
    expect(await complaints(`policy:\n  rules:\n  - ${text}\n    decision: accept\n`)).toEqual([like(expected)]);
  });

  it('reports a rule without a decision, or with a wrong one', async () => {
    expect(await complaints('policy:\n  rules:\n  - from: a\n  - decision: yes\n')).toEqual([
      "FILE:3:5: policy.rules.0: 'decision' is missing",
      'FILE:4:15: policy.rules.1.decision: expected one of accept, refuse, ask, found "yes"',
    ]);
  });

  it('reports everything at once, in the order of the file', async () => {
    const text = 'serve:\n  listen: nowhere\nlogin: 1\nbogus: 2\npolicy:\n  default: 3\n';
    expect((await complaints(text)).map((line) => line.split(' ')[0])).toEqual([
      'FILE:2:11:',
      'FILE:3:8:',
      'FILE:4:1:',
      'FILE:6:12:',
    ]);
  });

  it('finds the place behind anchors, quoted keys and block texts', async () => {
    const text = 'bots:\n  - &a { path: a.ts, "optoins": {} }\n  - |\n    b.ts\n"policy": { "deny": 1 }\n';
    expect(await complaints(text)).toEqual([
      expect.stringMatching(/^FILE:2:22: bots\.0\.optoins: unknown key.*did you mean 'options'/),
      expect.stringMatching(/^FILE:5:21: policy\.deny: expected a list, found 1/),
    ]);
  });

  it('reports an unknown key that is not a text at its place too', async () => {
    expect(await complaints('login: a\n42: b')).toEqual([expect.stringMatching(/^FILE:2:1: 42: unknown key '42'/)]);
  });
});
