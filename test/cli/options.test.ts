import { Command, InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/schema.ts';
import { clientServer } from '../../src/config/settings.ts';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import {
  duration,
  loginArgument,
  peerCount,
  seconds,
  serverArgument,
  someSeconds,
  statusOption,
  timeArgument,
} from '../../src/cli/options.ts';
import { DEFAULT_ADDRESS } from '../../src/net/address.ts';

const placed = (config: Config): { config: Config; directory: string } => ({ config, directory: '/etc/bots' });

/** A command that reads its options, and does nothing. */
async function idle(name: string): Promise<Command> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  (await COMMANDS.find((each) => each.name === name)!.load()).register(command, () => Promise.resolve());
  return command.action(() => undefined);
}

describe('an option', () => {
  test.each([
    ['0', 0],
    ['10', 10],
    ['0.25', 0.25],
    [' 7 ', 7],
    ['5m', 300],
    ['1h30m', 5_400],
    ['2000000', 2_000_000],
  ])('of seconds takes %j', (text, value) => {
    expect(seconds(text)).toBe(value);
  });

  test.each(['', ' ', 'soon', '-1', '-1s', '1 h', '600h', 'NaN', 'Infinity', '2000001'])(
    'of seconds refuses %j',
    (text) => {
      expect(() => seconds(text)).toThrow(InvalidArgumentError);
    },
  );

  test('of a time that 0 would end before it begins takes more than that', () => {
    expect(['0.001', '10', '5m', '2000000'].map(someSeconds)).toEqual([0.001, 10, 300, 2_000_000]);
    for (const text of ['0', '-0', '0s', '', '-1', '1e400', 'Infinity', '2000001'])
      expect(() => someSeconds(text)).toThrow('expected a number of seconds, more than 0');
  });

  test.each([
    ['pipe', ['--wait', '--idle-timeout']],
    ['forward', ['--wait', '--idle-timeout', '--dial-timeout']],
    ['send', ['--wait']],
    ['receive', ['--wait']],
    ['say', ['--wait', '--answer-timeout']],
    ['top', ['--interval']],
  ])('of %s is refused with 0 where that makes no sense: %j', async (name, options) => {
    const command = await idle(name);
    for (const option of options) {
      const parsed = command.parseAsync([option, '0', 'word'], { from: 'user' });
      await expect(parsed).rejects.toThrow('expected a number of seconds, more than 0');
    }
  });

  test('of how many peers are served at once is bounded', () => {
    expect(['1', '1000'].map(peerCount)).toEqual([1, 1_000]);
    for (const text of ['', '0', '-1', '1.5', '1e2', '1001', '9'.repeat(400)])
      expect(() => peerCount(text)).toThrow('expected a number, 1 to 1000');
  });

  test.each(['pipe', 'receive'])('of %s for as many peers as nobody has is refused', async (name) => {
    const command = await idle(name);
    const parsed = command.parseAsync(['--keep', '--max', '1000000000'], { from: 'user' });
    await expect(parsed).rejects.toThrow('expected a number, 1 to 1000');
  });

  test('that is an address is refused in words', () => {
    const address = { transport: 'tcp', port: 7777, longBytes: 4 };
    expect(serverArgument('chat.example.org')).toEqual([{ ...address, host: 'chat.example.org' }]);
    expect(serverArgument('a,b')).toEqual(['a', 'b'].map((host) => ({ ...address, host })));
    for (const text of ['a:b', 'a,', 'a,a', '']) expect(() => serverArgument(text)).toThrow(InvalidArgumentError);
  });

  test.each([
    [['--status'], { host: '127.0.0.1', port: 7780 }],
    [['--status', '0'], { host: '127.0.0.1', port: 0 }],
    [['--status', '[::1]:9000'], { host: '::1', port: 9000 }],
  ])('that switches the status endpoint on: %j', (argv, address) => {
    const command = new Command().addOption(statusOption()).parse(argv, { from: 'user' });
    expect(command.opts()).toEqual({ status: address });
  });

  test('that switches the status endpoint on tells where it stands when it has taken a bot for an address', () => {
    const command = new Command().addOption(statusOption()).argument('[bots...]').exitOverride();
    command.configureOutput({ writeErr: () => undefined });
    for (const bot of ['./bots/echo.ts', 'echo.ts', 'echo.mjs']) {
      expect(() => command.parse(['--status', bot], { from: 'user' })).toThrow('put --status last');
    }
  });

  test('that is a login is refused in words', () => {
    expect(loginArgument('Zoë')).toBe('Zoë');
    expect(() => loginArgument('a\nb')).toThrow('it cannot be a login: it has the control character U+000A');
  });
});

describe('the server that a configuration means', () => {
  test('is the one that it names', () => {
    expect(clientServer(undefined, placed({ server: 'example.org:1?longBytes=8' }))).toMatchObject([
      { host: 'example.org', port: 1 },
    ]);
  });

  test.each([{}, { server: 'embedded' }, { server: 'embedded', serve: {} }])('is this machine with %j', (config) => {
    expect(clientServer(undefined, placed(config))).toEqual([DEFAULT_ADDRESS]);
  });

  test('has its authorities beside the configuration, wherever the command is run', () => {
    const server = 'tls://example.org?ca=ca.pem';
    expect(clientServer(undefined, placed({ server }))).toMatchObject([{ ca: '/etc/bots/ca.pem' }]);
    expect(serverArgument(server)).toMatchObject([{ ca: 'ca.pem' }]);
  });

  test('is not where the embedded one expects a proxy', () => {
    const listen = ['127.0.0.1:1?proxy=v2', '127.0.0.1:2'];
    expect(clientServer(undefined, placed({ serve: { listen } }))).toMatchObject([{ port: 2 }]);
  });

  test('is where the embedded one listens first', () => {
    expect(clientServer(undefined, placed({ serve: { listen: ['127.0.0.1:1234', '127.0.0.1:5678'] } }))).toMatchObject([
      { port: 1234 },
    ]);
  });
});

describe('a time', () => {
  test.each([
    ['2026-03-29T00:30Z', '2026-03-29T00:30:00.000Z'],
    ['2026-03-29 02:30:15+05:30', '2026-03-28T21:00:15.000Z'],
  ])('is read out of %j', (text, instant) => {
    expect(timeArgument(text).toISOString()).toBe(instant);
  });

  test("is one by the system's clock where no zone is given, and its midnight where no time is", () => {
    expect(timeArgument('2026-03-29T02:30')).toEqual(new Date(2026, 2, 29, 2, 30));
    expect(timeArgument('2026-03-29')).toEqual(new Date(2026, 2, 29));
  });

  test('is one of today where no day is given', () => {
    const time = timeArgument('9:30');
    expect([time.getHours(), time.getMinutes(), time.getSeconds()]).toEqual([9, 30, 0]);
    expect(Math.abs(time.getTime() - Date.now())).toBeLessThan(25 * 3_600_000);
  });

  test.each(['', 'soon', '7', '25:00', '23:30Z', '2026-02-30', '2026-02-30T10:00Z', '2026-13-01', '2026-03-29Z'])(
    'is not read out of %j',
    (text) => {
      expect(() => timeArgument(text)).toThrow(/^expected a time such as 23:30, /);
    },
  );
});

describe('a length of time', () => {
  test.each([
    ['90s', 90],
    ['300', 300],
    ['1.5m', 90],
    ['30min', 1_800],
    ['1h', 3_600],
    ['7d', 604_800],
    ['1w', 604_800],
    ['1h30m', 5_400],
  ])('is read out of %j', (text, expected) => {
    expect(duration(text)).toBe(expected);
  });

  test.each(['', '0', 'h', '0h', '-1h', '1 h', '1e9d', '99999999999d'])('is not read out of %j', (text) => {
    expect(() => duration(text)).toThrow(/^expected a time, such as 90s, /);
  });
});
