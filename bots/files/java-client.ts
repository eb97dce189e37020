// What the Java client of the protocol's authors sends and can read. It takes each line by its place, and anything but
// a 200 for an error of two lines, the second with the name behind a slash.
import { STATUS_CODES } from 'node:http';
import path from 'node:path';

/** A request of that client: its Host is a directory of its own. */
export const REQUEST = /^GET \/([^\r\n]*) HTTP\/1\.1\r\nHost: \/[^\r\n]*\r\n\r\n/;
const MAX_REQUEST_LENGTH = 8192;
/** It reads the length of a file into an `int`. It also waits for ever for the bytes of an empty one. */
export const MAX_BYTES = 2 ** 31 - 1;
/** It forgets what it has received right behind an answer: the next one has to come later. */
export const PAUSE_MS = 100;

/** Whether a text can be the beginning of a request of that client. */
export function mayBecomeRequest(text: string): boolean {
  if (text.length > MAX_REQUEST_LENGTH || /\n\r?\n/.test(text)) return false;
  const [first = '', second = ''] = text.split(/\r?\n/);
  return 'GET /'.startsWith(first.slice(0, 5)) && 'Host: /'.startsWith(second.slice(0, 7));
}

/** What comes before the bytes of a file. */
export function fileLines(size: number, name: string): string {
  const lines = [
    'HTTP/1.1 200 OK',
    `Content-Length: ${size}`,
    'Content-Type: application/octet-stream',
    `Name-File: ${lastPart(name)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export function errorLines(status: number, name: string): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nErrorDocument ${status} /${lastPart(name)}\r\n`;
}

/** It knows ASCII only, stores a file in its directory by the name that it gets, and fails if an error has none. */
function lastPart(name: string): string {
  return path.posix.basename(name).replaceAll(/[^ -~]+/gu, (part) => encodeURIComponent(part)) || '.';
}
