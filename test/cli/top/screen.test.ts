import { expect, test } from 'vitest';
import { displayWidth } from '../../../src/cli/terminal/width.ts';
import { compact, compactSpan, sparkline } from '../../../src/cli/top/figures.ts';
import { TopModel } from '../../../src/cli/top/rates.ts';
import { nextTable, plainLines, screenLines, TABLES, type ScreenState } from '../../../src/cli/top/screen.ts';
import { snapshotOfLines, snapshotOfStatus, type Snapshot } from '../../../src/cli/top/snapshot.ts';
import { statusDocument } from '../../../src/ops/status-document.ts';
import { topLines } from '../../../src/ops/top-lines.ts';
import { ChatosServer } from '../../../src/server/server.ts';

const LOGINS = ['alice', 'long-login-of-thirty-bytes-012', '中文用户名', '😀😃😄😁😆', '\u001b[31mred\u202e', 'été'];

/** What a control socket answers, as it comes: the dates are texts. */
const answered = (server: ChatosServer) =>
  JSON.parse(JSON.stringify([...topLines(server, server.busiest(1_000), server.channels())])) as {
    type: string;
    [field: string]: unknown;
  }[];

function sessionLine(login: string, index: number): { type: string; [field: string]: unknown } {
  const numbers = {
    idleMs: 1_000 * index,
    packets: index,
    bytesReceived: 100 * index,
    bytesSent: 0,
    queuedBytes: 2 ** index,
  };
  return {
    type: 'session',
    id: String(index),
    login,
    remoteAddress: '192.0.2.1',
    listener: 'tcp://127.0.0.1:7777',
    connectedAt: new Date().toISOString(),
    ...numbers,
  };
}

function snapshotAt(takenAt: number, changes: object = {}, sessions = LOGINS.map(sessionLine)): Snapshot {
  const [top] = answered(new ChatosServer());
  return { ...snapshotOfLines([{ ...top!, ...changes }, ...sessions]), takenAt };
}

const STATE: ScreenState = {
  columns: 80,
  rows: 20,
  table: 'sessions',
  sortedBy: 1,
  scrolled: 0,
  isPaused: false,
  gone: undefined,
};

const screen = (snapshot: Snapshot, state: Partial<ScreenState> = {}): string[] =>
  screenLines(new TopModel().add(snapshot), { ...STATE, ...state }).map(({ text }) => text);

test.each([20, 40, 80, 160])('a screen of %d columns is filled, and no line is wider', (columns) => {
  for (const table of TABLES) {
    const lines = screen(snapshotAt(0), { columns, table });
    expect(lines).toHaveLength(20);
    for (const line of lines) expect({ line, width: displayWidth(line) }).toEqual({ line, width: columns });
  }
});

test.each([1, 2, 5])('a screen of %d rows has so many lines, the last of which names the keys', (rows) => {
  const lines = screen(snapshotAt(0), { rows });
  expect(lines).toHaveLength(rows);
  expect(lines.at(-1)).toMatch(/^s sort: waiting, q quit/);
});

test('a login is shown harmlessly', () => {
  const text = screen(snapshotAt(0), { columns: 160 }).join('\n');
  expect(text).toContain('\\e[31mred\\u{202e}');
  expect(text).not.toMatch(/[\u001b\u202e]/);
});

test('a narrow terminal keeps the login, the column that is sorted by, and what there is room for', () => {
  const head = (state: Partial<ScreenState>): string =>
    screen(snapshotAt(0), state).find((line) => /LOGIN/.test(line))!;
  expect(head({ columns: 40 })).toMatch(/^LOGIN +WAITING +IN\/S +OUT\/S$/);
  expect(head({ columns: 40, sortedBy: 4 })).toMatch(/^LOGIN +WAITING +IN\/S +IDLE$/);
  expect(head({ columns: 160 })).toMatch(/^LOGIN .* FROM .* PACKETS .* ON +$/);
});

test('the fullest come first, or what is chosen; scrolling leaves out those above', () => {
  const logins = (state: Partial<ScreenState>): string[] =>
    screen(snapshotAt(0), state)
      .slice(5, 11)
      .map((line) => line.split(/ {2}/)[0]!);
  expect(logins({ sortedBy: 1 })[0]).toBe('été');
  const byLogin = logins({ sortedBy: 0 });
  expect(byLogin.indexOf('alice')).toBeLessThan(byLogin.indexOf('été'));
  expect(logins({ scrolled: 2 })[0]).toBe('😀😃😄😁😆');
  expect(logins({ scrolled: 1_000 }).filter(Boolean)).toEqual(['alice']);
});

test('rates are what has changed between two snapshots of one process', () => {
  const model = new TopModel();
  expect(model.add(snapshotAt(1_000)).rates).toBeUndefined();
  const later = LOGINS.map((login, index) => ({ ...sessionLine(login, index), bytesSent: 4_096 }));
  const view = model.add(
    snapshotAt(3_000, { messages: 84, relayedBytes: 2 ** 21, accepted: 2, refusedLogins: 4 }, later),
  );
  expect(view.rates).toEqual({ messages: 42, relayedBytes: 2 ** 20, accepted: 1, refused: 2 });
  expect(view.sessions[0]).toMatchObject({ inPerSecond: 0, outPerSecond: 2_048 });
  expect(model.add(snapshotAt(5_000, { pid: 1 })).rates).toBeUndefined();
});

test('limits that act are named, what has acted last first, and only what has acted since the start', () => {
  const trouble = (count: number, what: string) => ({ name: what, count, what, advice: 'do something' });
  const model = new TopModel();
  model.add(snapshotAt(0, { troubles: [trouble(5, 'old')] }));
  model.add(snapshotAt(1, { troubles: [trouble(5, 'old'), trouble(2, 'first')] }));
  const view = model.add(snapshotAt(2, { troubles: [trouble(5, 'old'), trouble(2, 'first'), trouble(1, 'second')] }));
  expect(view.acting.map(({ count, what }) => `${count} ${what}`)).toEqual(['1 second', '2 first']);
  expect(screenLines(view, STATE).map(({ text }) => text.trimEnd())).toContain('! 1 second');
});

test('one of a kind is in the singular, also where more had been before', () => {
  const model = new TopModel();
  const refused = (count: number) => ({ name: 'refusedLogins', count, what: 'logins refused', advice: '' });
  model.add(snapshotAt(0, { troubles: [refused(2)] }));
  const view = model.add(snapshotAt(1, { clients: 1, connections: 1, troubles: [refused(3)] }));
  const [, now, , ...rest] = screenLines(view, STATE).map(({ text }) => text.trimEnd());
  expect(now).toMatch(/^1 session, .* 1 connection, /);
  expect(rest).toContain('! 1 login refused');
});

test('a server that does not answer is said to be gone, in words', () => {
  const [first, why, second] = screen(snapshotAt(0), { gone: { why: 'connection refused', forMs: 12_000 } });
  expect(first).toMatch(/^NO ANSWER for 12 s, retrying +$/);
  expect(why).toMatch(/^connection refused +$/);
  expect(second).toMatch(/^chatosbot /);
});

test('a status document is a snapshot, too, without the private connections', () => {
  const delay = { mean: 0, p50: 0, p99: 0, max: 0 };
  const document: unknown = JSON.parse(
    JSON.stringify(statusDocument({ server: new ChatosServer(), delay }, new Date())),
  );
  const snapshot = snapshotOfStatus(document);
  expect(snapshot).toMatchObject({ server: { clients: 0, pid: process.pid }, sessions: [], channels: undefined });
  expect(screen(snapshot, { table: 'channels' }).join('\n')).toContain('over the control socket alone');
});

test.each([{}, { version: '0.1.0' }, undefined, 'text'])('%j is no snapshot', (document) => {
  expect(() => snapshotOfStatus(document)).toThrow('is of another version');
});

test('numbers are short', () => {
  expect([0, 0.5, 9.94, 42, 999, 1_000, 1_536, 2 ** 20, 123 * 2 ** 30].map((each) => compact(each))).toEqual([
    '0',
    '0.5',
    '9.9',
    '42',
    '999',
    '1.0K',
    '1.5K',
    '1.0M',
    '123G',
  ]);
  expect(compact(1_500, 1_000)).toBe('1.5K');
  expect(compact(1_500 * 2 ** 40)).toBe('1500T');
  expect([0, 59_999, 60_000, 3_600_000, 86_400_000].map(compactSpan)).toEqual(['0s', '59s', '1m', '1h', '1d']);
  expect(sparkline([0, 1, 2, 4], 3)).toBe('▃▅█');
  expect(sparkline([0, 0], 10)).toBe('▁▁');
});

test('the bots of the process are a table of their own, which tab leads to', () => {
  const bot = (calls: number) => ({
    type: 'bot',
    name: 'dice\u001b[31m',
    login: 'robot',
    state: 'suspended',
    calls,
    failures: 5,
    skipped: 2,
  });
  const [top] = answered(new ChatosServer());
  const model = new TopModel();
  model.add({ ...snapshotOfLines([top!, bot(10)]), takenAt: 0 });
  const view = model.add({ ...snapshotOfLines([top!, bot(30)]), takenAt: 2_000 });
  expect(nextTable('channels', view)).toBe('bots');
  expect(nextTable('bots', view)).toBe('sessions');
  const lines = screenLines(view, { ...STATE, table: 'bots' }).map(({ text }) => text);
  expect(lines.join('\n')).toMatch(/BOT +STATE +CALLS\/S +CALLS +FAILED +SKIPPED +ACCOUNT/);
  expect(lines.join('\n')).toMatch(/dice\\e\[31m +suspended +10 +30 +5 +2 +robot/);
  expect(plainLines(view).join('\n')).toContain('robot');
  expect(nextTable('channels', new TopModel().add(snapshotAt(0)))).toBe('sessions');
});
