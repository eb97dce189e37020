import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AuditLog } from '../../../src/ops/audit/audit-log.ts';
import type { ServerLimits, ServerOptions } from '../../../src/server/index.ts';
import { packet, str } from '../../support/rfc-peer.ts';
import { agree, expectSilence, LogRecorder, Rig } from '../../support/server-rig.ts';
import { endOf, knock, openSocket, within } from '../../support/server-sockets.ts';

type Line = Readonly<Record<string, unknown>>;

async function audited(limits: Partial<ServerLimits> = {}, options: Omit<ServerOptions, 'limits' | 'log'> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'audit-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'audit.ndjson');
  const audit = await AuditLog.open({ file, version: '1.2.3', log: new LogRecorder() });
  onTestFinished(() => audit.close());
  const rig = await Rig.start(limits, options);
  audit.follow(rig.server);
  /** Ends the server and the log; what was written. */
  const lines = async (): Promise<Line[]> => {
    await rig.server.close();
    await audit.close();
    const text = await readFile(file, 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  };
  return { rig, audit, file, lines };
}

/** Without the time, and the sessions' ids in the order in which they came. */
function told(lines: readonly Line[], ...events: string[]): Line[] {
  return lines
    .filter(({ event }) => events.includes(String(event)))
    .map(({ time, ...line }) => {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return line;
    });
}

describe('the audit log of a server', () => {
  it('joins logins, requests and channels by ids, with bytes and durations', async () => {
    const { rig, lines } = await audited();
    const { alice, a, b } = await rig.channel();
    alice.say('a secret that everyone may hear');
    await alice.next(3);
    a.write('four');
    a.end();
    b.end('five!');
    await Promise.all([endOf(a), endOf(b)]);
    await rig.log.until('private connection ended');
    alice.end();
    await rig.left('alice');
    const all = await lines();
    const [start, ...rest] = all;
    expect(start).toMatchObject({ event: 'start', version: '1.2.3', pid: process.pid });
    expect(rest.at(-1)).toMatchObject({ event: 'stop' });
    const who = { from: '127.0.0.1', encrypted: false };
    const pair = { requester: 'alice', requesterSession: '1', target: 'bob', targetSession: '2' };
    expect(told(all, 'login', 'request', 'request-accepted', 'channel')).toEqual([
      { event: 'login', session: '1', login: 'alice', ...who },
      { event: 'login', session: '2', login: 'bob', ...who },
      { event: 'request', ...pair },
      { event: 'request-accepted', ...pair },
      { event: 'channel', channel: '1', ...pair },
    ]);
    expect(told(all, 'channel-ended')).toEqual([
      { event: 'channel-ended', channel: '1', ...pair, outcome: 'ended', bytes: 9, durationMs: expect.any(Number) },
    ]);
    expect(told(all, 'left')[0]).toEqual({ event: 'left', session: '1', login: 'alice', from: '127.0.0.1' });
  });

  it('has neither what messages say, nor connect ids', async () => {
    const { rig, file, lines } = await audited();
    const [bob, carol] = [await rig.join('bob'), await rig.join('carol')];
    bob.say('SECRET');
    bob.tell('carol', 'SECRET');
    const id = await agree(bob, carol);
    await Promise.all([bob.next(3), carol.next(3), carol.next(4)]);
    await lines();
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain('SECRET');
    expect(text).not.toContain(String(id));
  });

  it('writes refusals and violations, with their reason and limit', async () => {
    const { rig, file, lines } = await audited({ maxForbiddenPackets: 1, maxConnections: 3 });
    const alice = await rig.join('alice');
    const other = await rig.connect();
    expect(await other.login('Alice')).toBe(false);
    expect(await other.login(`\u001b[2J${'x'.repeat(1000)}`)).toBe(false);
    other.send(packet(1));
    await within(other.ended, 'the end of a client that is forbidden');
    const wrong = await openSocket(rig.port[4]);
    wrong.write(Buffer.from([99]));
    await endOf(wrong);
    await endOf(await knock(rig.port[4], 12_345n));
    await Promise.all([rig.connect(), rig.connect()]);
    await endOf(await openSocket(rig.port[4]));
    await expectSilence(alice);
    const all = await lines();
    expect(told(all, 'login-refused')).toMatchObject([
      { session: '2', login: 'Alice', from: '127.0.0.1', why: expect.stringContaining('alice') },
      { session: '2', login: expect.stringMatching(/^\u001b\[2Jx+…$/) },
    ]);
    // What a terminal would obey is written as an escape.
    expect(await readFile(file, 'utf8')).not.toContain('\u001b');
    expect(told(all, 'forbidden')).toMatchObject([{ session: '2', packet: 'LOGIN_ACCEPTED', closed: true }]);
    expect(told(all, 'malformed')).toMatchObject([{ from: '127.0.0.1', why: expect.stringContaining('99') }]);
    expect(told(all, 'half-refused')).toEqual([{ event: 'half-refused', from: '127.0.0.1', why: 'unknown' }]);
    expect(told(all, 'connection-refused')).toMatchObject([{ why: 'too many', limit: 'maxConnections' }]);
  });

  it('counts what is the same within a second, and says how many there were', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { audit, lines } = await audited();
    const refuse = (from: string, why: string, times: number): void => {
      for (let i = 0; i < times; i += 1) audit.record('connection-refused', { from, why, limit: undefined });
    };
    refuse('192.0.2.1', 'too fast', 1_000);
    refuse('192.0.2.1', 'too many', 1);
    refuse('192.0.2.2', 'too fast', 2);
    vi.advanceTimersByTime(1_000);
    refuse('192.0.2.1', 'too fast', 5);
    vi.advanceTimersByTime(1_000);
    vi.advanceTimersByTime(1_000);
    refuse('192.0.2.1', 'too fast', 1);
    const event = 'connection-refused';
    expect(told(await lines(), event)).toEqual([
      { event, from: '192.0.2.1', why: 'too fast' },
      { event, from: '192.0.2.1', why: 'too many' },
      { event, from: '192.0.2.2', why: 'too fast' },
      { event, from: '192.0.2.1', why: 'too fast', count: 999 },
      { event, from: '192.0.2.2', why: 'too fast', count: 1 },
      { event, from: '192.0.2.1', why: 'too fast', count: 5 },
      { event, from: '192.0.2.1', why: 'too fast' },
    ]);
  });

  it('leaves out what comes too often, and says how many lines', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { audit, lines } = await audited();
    for (let i = 0; i < 10_050; i += 1) {
      audit.record('login', { session: String(i), login: 'a', from: '192.0.2.1', encrypted: false });
    }
    vi.advanceTimersByTime(1_000);
    audit.record('login', { session: 'later', login: 'a', from: '192.0.2.1', encrypted: false });
    const all = await lines();
    expect(told(all, 'login')).toHaveLength(10_001);
    expect(told(all, 'left-out')).toEqual([{ event: 'left-out', of: 'login', count: 50 }]);
  });

  it('remembers 10,000 of those that may come again in a second, and no more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { audit, lines } = await audited();
    const shutOut = (number: number): void => audit.record('shut-out', { from: `source ${number}`, limit: undefined });
    for (let number = 1; number <= 10_001; number += 1) shutOut(number);
    shutOut(10_000);
    shutOut(10_001);
    vi.advanceTimersByTime(1_000);
    const all = await lines();
    const event = 'shut-out';
    expect(told(all, event).slice(9_999)).toEqual([
      { event, from: 'source 10000' },
      { event, from: 'source 10000', count: 1 },
    ]);
    expect(told(all, 'left-out')).toEqual([{ event: 'left-out', of: event, count: 2 }]);
    vi.advanceTimersByTime(2_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('knows the proxy’s word for where a client connects from', async () => {
    const { rig, lines } = await audited({}, { proxies: ['127.0.0.1'] });
    const { port } = await rig.server.listen('127.0.0.1:0?proxy=v1');
    const socket = await openSocket(port);
    socket.write(Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n'), packet(0, str('alice'))]));
    await rig.log.until('logged in');
    await endOf(await openSocket(port, { localAddress: '127.0.0.2' }));
    const all = await lines();
    expect(told(all, 'login')).toMatchObject([{ login: 'alice', from: '192.0.2.7' }]);
    expect(told(all, 'connection-refused')).toMatchObject([{ from: '127.0.0.2', why: 'not a proxy' }]);
  });
});
