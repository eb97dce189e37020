import { describe, expect, it } from 'vitest';
import { RequestRate } from '../../../src/bot/channels/request-rate.ts';

const at = (ms: number): Date => new Date(1_000_000_000_000 + ms);

describe('RequestRate', () => {
  it('counts the last minute of each peer', () => {
    const rate = new RequestRate();
    for (const ms of [0, 1, 30_000]) rate.add('a', at(ms));
    expect([rate.count('a', at(59_999)), rate.count('a', at(60_000)), rate.count('a', at(89_999))]).toEqual([3, 2, 1]);
    expect([rate.count('a', at(90_000)), rate.count('b', at(0))]).toEqual([0, 0]);
  });

  it('starts anew where the clock was set back, rather than count what is yet to come', () => {
    const rate = new RequestRate();
    rate.add('a', at(0));
    expect(rate.count('a', at(-3_600_000))).toBe(0);
    expect(rate.count('a', at(0))).toBe(0);
  });

  it('tells once that there were too many, until a request counts again', () => {
    const rate = new RequestRate();
    rate.add('a', at(0));
    expect([rate.reportOnce('a'), rate.reportOnce('a')]).toEqual([true, false]);
    rate.add('a', at(1));
    expect(rate.reportOnce('a')).toBe(true);
  });

  it('forgets those that have been silent longest where there are too many', () => {
    const rate = new RequestRate();
    rate.add('early', at(0));
    rate.add('busy', at(1));
    for (let number = 0; number < 9_998; number += 1) rate.add(`peer-${number}`, at(2));
    rate.add('busy', at(3));
    rate.add('last but one', at(4));
    rate.add('last', at(4));
    const peers = ['early', 'busy', 'peer-0', 'peer-1', 'last'];
    expect(peers.map((peer) => rate.count(peer, at(5)))).toEqual([0, 2, 0, 1, 1]);
  });
});
