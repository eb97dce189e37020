import { describe, expect, it, vi } from 'vitest';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from '../../../src/server/limits/server-limits.ts';
import { type Source } from '../../../src/server/limits/source-account.ts';
import { Sources } from '../../../src/server/limits/sources.ts';
import { stopTheClock } from '../../support/server-rig.ts';

function sourcesWith(limits: Partial<ServerLimits>) {
  const clock = { now: 5_000 };
  const sources = new Sources({ ...DEFAULT_SERVER_LIMITS, ...limits }, () => clock.now);
  const enter = (address: string, connections = 0): Source => {
    const source = sources.enter(address, connections);
    if (typeof source === 'string') throw new Error(source);
    source.unidentified -= 1;
    return source;
  };
  return { sources, clock, enter };
}

describe('the connections of an address', () => {
  it('[P19] are as many as it may have, and one more when one is gone', () => {
    const { sources, enter } = sourcesWith({ maxConnectionsPerAddress: 2 });
    const source = enter('192.0.2.1');
    enter('::ffff:192.0.2.1');
    expect(sources.enter('192.0.2.1', 2)).toBe('too many of its address');
    enter('192.0.2.2');
    source.leave();
    enter('192.0.2.1');
    expect(sources.enter('192.0.2.1', 3)).toBe('too many of its address');
  });

  it('[P19] are counted by the /64 of an IPv6 address', () => {
    const { sources, enter } = sourcesWith({ maxConnectionsPerAddress: 1 });
    enter('2001:db8::1');
    expect(sources.enter('2001:db8::ffff:1', 1)).toBe('too many of its address');
    enter('2001:db8:0:1::1');
  });

  it('[P19] may not be unidentified beyond a number', () => {
    const { sources } = sourcesWith({ maxUnidentifiedPerAddress: 2 });
    const source = sources.enter('192.0.2.1', 0) as Source;
    sources.enter('192.0.2.1', 1);
    expect(sources.enter('192.0.2.1', 2)).toBe('too many unidentified');
    source.unidentified -= 1;
    expect(sources.enter('192.0.2.1', 2)).toBe(source);
  });

  it('[P19] come at once up to a burst, then at a rate; what is refused does not count', () => {
    const { sources, clock, enter } = sourcesWith({ connectionsPerSecondPerAddress: 2, connectionBurstPerAddress: 3 });
    for (let i = 0; i < 3; i++) enter('192.0.2.1').leave();
    for (let i = 0; i < 9; i++) expect(sources.enter('192.0.2.1', 0)).toBe('too fast');
    enter('192.0.2.2');
    clock.now += 500;
    enter('192.0.2.1').leave();
    expect(sources.enter('192.0.2.1', 0)).toBe('too fast');
    clock.now += 60_000;
    for (let i = 0; i < 3; i++) enter('192.0.2.1').leave();
    expect(sources.enter('192.0.2.1', 0)).toBe('too fast');
  });

  it('[P19] count for more where their TLS handshakes take long', () => {
    const { sources, clock, enter } = sourcesWith({ connectionsPerSecondPerAddress: 2, connectionBurstPerAddress: 5 });
    const source = enter('192.0.2.1');
    sources.chargeHandshake(source, 3);
    enter('192.0.2.1');
    sources.chargeHandshake(source, 30);
    expect(sources.enter('192.0.2.1', 2)).toBe('too fast');
    enter('192.0.2.2');
    clock.now += 500;
    enter('192.0.2.1');
  });

  it('[P19] leave a share of the places to addresses that have none', () => {
    const { sources, enter } = sourcesWith({ maxConnections: 20, keptForNewAddressesPercent: 10 });
    enter('192.0.2.1', 17);
    expect(sources.enter('192.0.2.1', 18)).toBe('places kept for others');
    enter('192.0.2.2', 18);
    expect(sources.enter('192.0.2.2', 19)).toBe('places kept for others');
    enter('192.0.2.3', 19);
    expect(sources.enter('192.0.2.4', 20)).toBe('too many');
  });

  it('[P17] have no limit where the address is exempt, but for the number of places', () => {
    const { sources, enter } = sourcesWith({
      exempt: ['192.0.2.0/24', '2001:db8::1'],
      maxConnections: 100,
      maxConnectionsPerAddress: 1,
      maxUnidentifiedPerAddress: 1,
      connectionsPerSecondPerAddress: 1,
      connectionBurstPerAddress: 1,
    });
    for (let i = 0; i < 100; i++) expect(sources.enter('192.0.2.1', i)).toBeInstanceOf(Object);
    expect(sources.enter('192.0.2.1', 100)).toBe('too many');
    enter('2001:db8::2');
    for (let i = 0; i < 9; i++) enter('2001:db8::1');
    expect(sources.enter('2001:db8::2', 9)).toBe('too many of its address');
  });

  it('have no limit that was lifted', () => {
    const { sources } = sourcesWith({
      maxConnectionsPerAddress: Infinity,
      maxUnidentifiedPerAddress: Infinity,
      connectionsPerSecondPerAddress: Infinity,
    });
    for (let i = 0; i < 1000; i++) expect(sources.enter('192.0.2.1', i)).toBeInstanceOf(Object);
  });
});

describe('an address with connections to two processes', () => {
  function two(limits: Partial<ServerLimits>) {
    const [here, there] = [sourcesWith(limits), sourcesWith(limits)];
    here.sources.share((news) => news.forEach((each) => there.sources.hear(1, each)));
    there.sources.share((news) => news.forEach((each) => here.sources.hear(2, each)));
    return { here, there };
  }

  it('[P19] has a place for a half at both as soon as the half is to come to either', () => {
    stopTheClock();
    const { here, there } = two({ maxConnectionsPerAddress: 2 });
    here.enter('192.0.2.1');
    here.enter('192.0.2.1');
    vi.advanceTimersByTime(10);
    expect(there.sources.enter('192.0.2.1', 0)).toBe('too many of its address');
    const place = here.sources.expect('192.0.2.1');
    const half = there.enter('192.0.2.1');
    half.leave();
    place.leave();
    vi.advanceTimersByTime(10);
    expect(there.sources.enter('192.0.2.1', 0)).toBe('too many of its address');
  });

  it('[P19] pays for halves where it asks for them, and not again where they come', () => {
    stopTheClock();
    const { here, there } = two({ connectionsPerSecondPerAddress: 1, connectionBurstPerAddress: 3 });
    for (let i = 0; i < 9; i++) {
      const coming = there.enter('192.0.2.1');
      coming.leave();
      here.sources.becomeHalf(here.sources.adopt('192.0.2.1')).leave();
      vi.advanceTimersByTime(10);
    }
    for (let i = 0; i < 3; i++) there.enter('192.0.2.1');
    expect(there.sources.enter('192.0.2.1', 3)).toBe('too fast');
    vi.advanceTimersByTime(10);
    expect(here.sources.enter('192.0.2.1', 0)).toBe('too fast');
  });
});

describe('an address that is exempt no longer', () => {
  it('[P19] has at other processes what it has here, from then on', () => {
    stopTheClock();
    const limits = { ...DEFAULT_SERVER_LIMITS, maxConnectionsPerAddress: 1, exempt: ['192.0.2.1'] };
    const [here, there] = [new Sources(limits), new Sources({ ...limits, exempt: [] })];
    here.share((news) => news.forEach((each) => there.hear(1, each)));
    const exempt = here.enter('192.0.2.1', 0) as Source;
    limits.exempt = [];
    here.update();
    here.move(exempt, '192.0.2.1', true);
    vi.advanceTimersByTime(10);
    expect(there.enter('192.0.2.1', 0)).toBe('too many of its address');
  });
});

describe('the table of addresses', () => {
  it('[P19] forgets one whose connections are gone, once its burst is whole', () => {
    stopTheClock();
    const sources = new Sources(DEFAULT_SERVER_LIMITS);
    const source = sources.enter('192.0.2.1', 0) as Source;
    sources.enter('192.0.2.1', 0);
    source.leave();
    vi.advanceTimersByTime(60_000);
    expect(sources.size).toBe(1);
    source.leave();
    expect(sources.size).toBe(0);
    (sources.enter('192.0.2.2', 0) as Source).leave();
    expect(sources.size).toBe(1);
    vi.advanceTimersByTime(2_000);
    expect(sources.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('[P19] is bounded, however many addresses come and go', () => {
    const { sources, enter } = sourcesWith({});
    const kept = enter('192.0.2.1');
    for (let i = 0; i < 30_000; i++) enter(`2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`).leave();
    expect(sources.size).toBeLessThanOrEqual(10_001);
    expect(enter('192.0.2.1')).toBe(kept);
  });
});
