import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { boundLog, type BoundedLogger, type LogBounds } from '../../src/util/bounded-log.ts';
import { createLogger, type LogFormat } from '../../src/util/log.ts';

const BOUNDS: LogBounds = { rate: { burst: 10, perSecond: 5 }, maxFieldChars: 64, maxMessageChars: 256 };

function recorder(bounds: Partial<LogBounds> = {}, format: LogFormat = 'json') {
  const lines: string[] = [];
  const log = boundLog(createLogger({ level: 'debug', format, write: (line) => lines.push(line) }), {
    ...BOUNDS,
    ...bounds,
  });
  return { log, lines };
}

const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
const said = (lines: readonly string[]) => parsed(lines).map(({ message }) => message);

function repeat(log: BoundedLogger, times: number, message: string): void {
  for (let i = 0; i < times; i++) log.info(message);
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a bounded log', () => {
  it('writes a few lines of a kind, then says how many were not written, once a second', () => {
    const { log, lines } = recorder();
    repeat(log, 1_000, 'login refused');
    expect(said(lines)).toEqual(Array.from({ length: 10 }, () => 'login refused'));
    vi.advanceTimersByTime(1_000);
    expect(parsed(lines).at(-1)).toMatchObject({
      level: 'info',
      message: 'login refused: and 990 more',
      suppressed: 990,
    });
    repeat(log, 100, 'login refused');
    vi.advanceTimersByTime(10_000);
    expect(said(lines).slice(11)).toEqual([
      ...Array.from({ length: 5 }, () => 'login refused'),
      'login refused: and 95 more',
    ]);
  });

  it('counts each kind and each level apart', () => {
    const { log, lines } = recorder();
    repeat(log, 1_000, 'login refused');
    log.info('logged in');
    log.warn('login refused');
    expect(lines).toHaveLength(12);
  });

  it('counts together what it is told is of one kind, whatever fields were added', () => {
    const { log, lines } = recorder({ kindOf: (_, { plugin }) => `lines of ${String(plugin)}` });
    for (let i = 0; i < 100; i++) log.with({ plugin: 'echo' }).info(`line ${i}`);
    log.with({ plugin: 'dice' }).info('a line');
    expect(vi.getTimerCount()).toBe(1);
    log.flush();
    expect(said(lines).slice(10)).toEqual(['a line', 'lines of echo: and 90 more']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stays within bounds where kinds are without number', () => {
    const { log, lines } = recorder();
    for (let i = 0; i < 10_000; i++) log.info(`kind ${i}`);
    log.flush();
    expect(said(lines)).toHaveLength(1_011);
    expect(said(lines).at(-1)).toBe('other lines: and 8990 more');
  });

  it('says at the end what was not written, and says it once', () => {
    const { log, lines } = recorder();
    repeat(log, 11, 'x');
    log.flush();
    vi.advanceTimersByTime(5_000);
    expect(said(lines).slice(10)).toEqual(['x: and 1 more']);
  });

  it.each<LogFormat>(['text', 'json'])('cuts what is long, as it is written, in %s', (format) => {
    const { log, lines } = recorder({}, format);
    for (const char of ['x', '\u001B', '\u{E0041}', '😀', '"', '\u{D800}'])
      log.info('said', { login: char.repeat(1_000), why: 'y' });
    log.info('m'.repeat(10_000));
    log.info('said', { stack: 'at\n'.repeat(100_000) });
    for (const line of lines.slice(0, 6)) expect(Buffer.byteLength(line)).toBeLessThan(600);
    expect(Buffer.byteLength(lines[6]!)).toBeLessThan(400);
    expect(Buffer.byteLength(lines[7]!)).toBeLessThan(40_000);
  });

  it('cuts at 64 characters with an ellipsis, and leaves shorter ones, numbers and our own words as they are', () => {
    const { log, lines } = recorder();
    const why = 'the peer does not read: '.repeat(5);
    log.info('said', { login: 'a'.repeat(65), to: 'b'.repeat(64), bytes: 5, big: 2n, why });
    expect(parsed(lines)[0]).toMatchObject({
      login: `${'a'.repeat(63)}…`,
      to: 'b'.repeat(64),
      bytes: 5,
      big: '2',
      why,
    });
  });
});
