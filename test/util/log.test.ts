import { describe, expect, it } from 'vitest';
import { ChatosError } from '../../src/errors.ts';
import { LOG_LEVELS, SILENT_LOGGER, createLogger, type LogOptions, type Logger } from '../../src/util/log.ts';

function recorder(options: LogOptions = {}): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: createLogger({ ...options, write: (line) => lines.push(line) }), lines };
}

const CALLS = ['debug', 'info', 'warn', 'error'] as const;
/** What a peer could send to break out of a line, or to write another one. */
const HOSTILE = 'x\n2026-01-01T00:00:00Z error forged\r\u001B[2K\u009B1A\u2028\u202Eend';
/** What ends a line somewhere, or is obeyed by a terminal. */
const OBEYED = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/u;

describe('createLogger', () => {
  it.each(LOG_LEVELS)('writes what is at least as grave as %s', (level) => {
    const { log, lines } = recorder({ level, format: 'json' });
    for (const call of CALLS) log[call](call);
    const written = lines.map((line) => (JSON.parse(line) as { level: string }).level);
    expect(written).toEqual(CALLS.filter((call) => LOG_LEVELS.indexOf(call) >= LOG_LEVELS.indexOf(level)));
  });

  it('writes from `info` on, as text, where nothing is said', () => {
    const { log, lines } = recorder();
    log.debug('unseen');
    log.info('logged in', { login: 'alice', from: '127.0.0.1' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info {2}logged in login=alice from=127\.0\.0\.1\n$/);
  });

  it('adds bound fields to every line, of the logger that was bound only', () => {
    const { log, lines } = recorder({ format: 'json' });
    const bound = log.with({ login: 'alice' }).with({ peer: 'bob' });
    bound.info('one', { peer: 'carol' });
    bound.warn('two');
    log.error('three');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'info', message: 'one', login: 'alice', peer: 'carol' },
      { level: 'warn', message: 'two', login: 'alice', peer: 'bob' },
      { level: 'error', message: 'three' },
    ]);
    expect(lines[2]).not.toContain('alice');
  });

  it.each([
    [{ levl: 'info' }, "logger options: unknown key 'levl'; did you mean 'level'?"],
    [
      { level: 'trace' },
      "logger options: level: expected one of 'debug', 'info', 'warn', 'error', 'silent', found 'trace'",
    ],
    [{ level: 3 }, 'level: expected one of'],
    [{ format: 'xml' }, "format: expected one of 'text', 'json', found 'xml'"],
    [{ write: 'stderr' }, "write: expected a function, found 'stderr'"],
    [null, 'logger options: expected an object, found null'],
  ])('refuses the options %j', (options, message) => {
    const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string };
    expect(() => createLogger(options as LogOptions)).toThrow(expect.objectContaining(refused));
  });

  it.each(['text', 'json'] as const)('shows the message of an error in a field (%s)', (format) => {
    const { log, lines } = recorder({ format });
    const failed = new ChatosError('CONNECT_FAILED', 'nobody answers', { fields: { errno: 'ECONNREFUSED' } });
    log.warn('failed', { error: failed, causes: [new Error('one')] });
    expect(lines[0]).toMatch(/error(=|":)"nobody answers"/);
    expect(lines[0]).toMatch(/causes(=|":)"?\[\\?"one\\?"\]/);
  });

  it.each(['text', 'json'] as const)('writes a line though a field cannot be shown (%s)', (format) => {
    const { log, lines } = recorder({ format });
    const around: Record<string, unknown> = { login: 'alice' };
    around['self'] = around;
    const hostile = {
      get text(): string {
        throw new Error('no');
      },
    };
    log.warn('odd', { around, hostile, login: 'bob', gone: undefined });
    expect(lines[0]).toMatch(/around(=|":)"something that cannot be shown"/);
    expect(lines[0]).toMatch(/hostile(=|":)"something that cannot be shown"/);
    expect(lines[0]).toMatch(/login(=|":")bob/);
    expect(lines[0]).not.toContain('gone');
  });

  it('writes nothing where it is silent', () => {
    for (const call of CALLS) expect(() => SILENT_LOGGER.with({ a: 1 })[call]('nothing')).not.toThrow();
  });
});

describe('a line of text', () => {
  const write = (fields: Record<string, unknown>): string => {
    const { log, lines } = recorder();
    log.info('said', fields);
    return lines.join('').replace(/^\S+ info {2}/, '');
  };

  it('shows values of any kind, and quotes those that could be taken for more than one', () => {
    expect(write({ n: 1, big: 2n, yes: true })).toBe('said n=1 big=2 yes=true\n');
    expect(write({ a: 'two words', b: '', c: 'x=y', d: 'say "hi"', gone: undefined })).toBe(
      'said a="two words" b="" c="x=y" d="say \\"hi\\""\n',
    );
  });

  it('cannot be broken out of by what a peer says', () => {
    const { log, lines } = recorder();
    log.warn(HOSTILE, { text: HOSTILE });
    log.with({ login: HOSTILE }).warn('said');
    log.warn('counted', { [HOSTILE]: 1 });
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(line).not.toMatch(OBEYED);
    }
  });

  it('cannot be given another field by what a peer says', () => {
    expect(write({ login: 'eve level=error' })).toBe('said login="eve level=error"\n');
    expect(write({ login: 'eve" admin="yes' })).toBe('said login="eve\\" admin=\\"yes"\n');
    expect(write({ login: 'eve\u00A0x=1' })).toBe('said login="eve\u00A0x=1"\n');
  });

  it('shows a stack below, each frame on a line of its own, indented', () => {
    const stack = 'Error: no\n    at one (a.ts:1:1)\n    at two\u001B[31m (b.ts:2:2)';
    const { log, lines } = recorder();
    log.error('internal error', { type: 'LOGIN', stack });
    expect(lines.join('').split('\n').slice(1)).toEqual([
      '    Error: no',
      '    at one (a.ts:1:1)',
      '    at two\\e[31m (b.ts:2:2)',
      '',
    ]);
    expect(lines[0]).toContain('internal error type=LOGIN\n');
  });
});

describe('a line of JSON', () => {
  it('is one object that can be read back, with the time', () => {
    const { log, lines } = recorder({ format: 'json' });
    log.info('channel', { connectId: 2n ** 62n, bytes: 5, ok: true, gone: undefined });
    expect(lines[0]!.endsWith('\n')).toBe(true);
    const { time, ...rest } = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(Number.isNaN(Date.parse(String(time)))).toBe(false);
    expect(rest).toEqual({ level: 'info', message: 'channel', connectId: '4611686018427387904', bytes: 5, ok: true });
  });

  it('cannot be broken out of by what a peer says, nor move the cursor where it is looked at', () => {
    const { log, lines } = recorder({ format: 'json' });
    log.warn(HOSTILE, { text: HOSTILE });
    expect(lines).toHaveLength(1);
    expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
    expect(lines[0]).not.toMatch(OBEYED);
    expect(JSON.parse(lines[0]!)).toHaveProperty('level', 'warn');
  });

  it('keeps its own level, message and time whatever the fields are called', () => {
    const { log, lines } = recorder({ format: 'json' });
    log.warn('real', { level: 'debug', message: 'forged', time: 'never' });
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', message: 'real' });
    expect(lines[0]).not.toContain('"time":"never"');
  });
});
