import { expect, it } from 'vitest';
import { ChatosServer, createLogger, type LogFormat } from '../../src/server/index.ts';

const FORMATS: readonly LogFormat[] = ['text', 'json'];

const STRANGER = {
  login: '',
  remoteAddress: '192.0.2.1',
  longBytes: 4,
  fingerprint: undefined,
  encrypted: false,
} as const;

it.each(FORMATS)('10,000 refused logins of 1,000 bytes are some tens of short lines of %s', async (format) => {
  const lines: string[] = [];
  const server = new ChatosServer({ log: createLogger({ format, write: (line) => lines.push(line) }) });
  const login = `\u001B${'\u{202E}'.repeat(333)}`;
  for (let id = 0; id < 10_000; id++) {
    const session = { ...STRANGER, id: String(id) };
    server.emit('loginRefused', session, login, 'it starts or ends with white space', 1);
  }
  // What is still to be said, the server says at its end.
  await server.close();
  expect(lines.length).toBeLessThan(50);
  for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThan(400);
  const written = lines.filter((line) => /login refused(?!:)/.test(line)).length;
  const [, suppressed] = /login refused: and (\d+) more/.exec(lines.at(-1)!)!;
  expect(written + Number(suppressed)).toBe(10_000);
});
