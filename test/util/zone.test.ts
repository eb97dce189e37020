import { describe, expect, it } from 'vitest';
import { Zone } from '../../src/util/zone.ts';

const format = (zone: string, instant: string): string => new Zone(zone).format(Date.parse(instant));

describe('a time for a person', () => {
  it.each([
    ['Europe/Paris', '2026-11-23T08:00:00Z', '2026-11-23 09:00 Europe/Paris'],
    ['UTC', '2026-01-02T03:04:00.500Z', '2026-01-02 03:04 UTC'],
    ['Asia/Kolkata', '2026-11-23T18:30:00Z', '2026-11-24 00:00 Asia/Kolkata'],
    ['America/New_York', '2026-11-23T08:00:05Z', '2026-11-23 03:00:05 America/New_York'],
    ['europe/paris', '2026-07-01T08:00:00Z', '2026-07-01 10:00 europe/paris'],
  ])('in %s, %s is %s', (zone, instant, expected) => {
    expect(format(zone, instant)).toBe(expected);
  });

  it('tells the two times of the hour that comes twice apart', () => {
    expect(format('Europe/Paris', '2026-10-25T00:30:00Z')).toBe('2026-10-25 02:30 Europe/Paris (UTC+02:00)');
    expect(format('Europe/Paris', '2026-10-25T01:30:00Z')).toBe('2026-10-25 02:30 Europe/Paris (UTC+01:00)');
    expect(format('America/St_Johns', '2026-11-01T03:45:00Z')).toBe('2026-11-01 01:15 America/St_Johns (UTC-02:30)');
    expect(format('Europe/London', '2026-10-25T01:30:00Z')).toBe('2026-10-25 01:30 Europe/London (UTC+00:00)');
    expect(format('Europe/Paris', '2026-10-25T02:00:00Z')).toBe('2026-10-25 03:00 Europe/Paris');
  });

  it("is in the system's zone where none is named", () => {
    expect(new Zone(undefined).name).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
  });
});
