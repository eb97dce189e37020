import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { ChatosClient } from '../../../src/client/client.ts';
import { reportSessions } from '../../../src/cli/connecting/session-reports.ts';
import { ChatosError } from '../../../src/errors.ts';
import { parseAddress } from '../../../src/net/address.ts';

/** What is reported of a client whose first attempt fails, and whose session is lost later. */
function reportsOf(triesAtFirst: boolean | undefined): string[] {
  const server = parseAddress('127.0.0.1:7777');
  const client = Object.assign(new EventEmitter(), { login: 'ann', server, servers: [server] });
  const reports: string[] = [];
  reportSessions(
    client as object as ChatosClient,
    (type) => void reports.push(type),
    () => true,
    triesAtFirst,
  );
  const error = new ChatosError('CONNECT_FAILED', 'connection refused');
  for (const event of ['retrying', 'connected', 'retrying']) client.emit(event, { error, delayMs: 1 });
  return reports;
}

test('a first attempt that is the last one is not reported as one that others follow', () => {
  expect(reportsOf(false)).toEqual(['logged-in', 'retrying']);
  expect(reportsOf(true)).toEqual(['retrying', 'logged-in', 'retrying']);
});
