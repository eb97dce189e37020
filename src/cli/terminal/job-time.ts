import { Zone } from '../../util/zone.ts';

const zones = new Map<string, Zone>();

/** A time of a job for people, in its own zone; in that of the reader where it has none, or one that is unknown here. */
export function jobTime(date: Date, timeZone: string | undefined, reader: Zone): string {
  return zoneOf(timeZone, reader).format(Math.floor(date.getTime() / 1000) * 1000);
}

function zoneOf(name: string | undefined, reader: Zone): Zone {
  if (name === undefined || name === reader.name) return reader;
  try {
    const zone = zones.get(name) ?? new Zone(name);
    zones.set(name, zone);
    return zone;
  } catch {
    // The bots run with another version of Node.js, which may know more zones.
    return reader;
  }
}
