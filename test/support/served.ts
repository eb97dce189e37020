/**
 * The command `serve` in place of the server in this process, for tests that speak to it over sockets: as
 * `CHATOSBOT_TEST_SERVER` says, its workers, or a node of a cluster. See docs/contributing.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { ServerOptions } from '../../src/server/index.ts';
import { aroundEachFile } from './each-file.ts';
import { leaveOut, TESTED_SERVER } from './left-out.ts';
import { Meeting } from './meeting.ts';
import { ServeProcess } from './serve-process.ts';

/** What a test's server has that no flag and no configuration can say. */
const IN_PROCESS = ['directory', 'others', 'listen', 'bans', 'logins', 'tls', 'log'] as const;
/** Long enough for a busy machine. */
const SHORT = { leaseTtlMs: 10_000, claimTimeoutMs: 2_000 };

export interface ServedOptions {
  /** Of those, what the configuration has, too. */
  readonly options: ServerOptions;
  /** Addresses, in the order of their ports. */
  readonly listen: readonly string[];
  readonly onLine?: (line: Record<string, unknown>) => void;
}

export interface Served {
  readonly ports: readonly number[];
  /** Asks the control socket; the lines of its answer. */
  ask(command: string, more?: object): Promise<Record<string, unknown>[]>;
}

/** A server of its own, ready; it has ended when the test is over. */
export async function serve({ options, listen, onLine }: ServedOptions): Promise<Served> {
  const kept = IN_PROCESS.find((key) => options[key] !== undefined);
  if (kept !== undefined) leaveOut(`its server has '${kept}' that only a program can give`);
  if (options.relay === 'streams') leaveOut('no configuration has the relay by streams');
  const { relay: _, ...configured } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-served-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const cluster = TESTED_SERVER === 'node' && { ...(await nextMeeting()).join(), ...SHORT };
  const section = { ...configured, ...(cluster && { cluster }) };
  const workers = TESTED_SERVER === 'workers' ? 2 : 1;
  const served = new ServeProcess({ folder, section, listen, workers, onLine });
  onTestFinished(() => served.end());
  const ports = await served.ready();
  if (cluster) await linked(served);
  return { ports, ask: (command, more) => served.ask(command, more) };
}

/** Resolves when a node has its link to the other. */
async function linked(node: ServeProcess): Promise<void> {
  for (;;) {
    const lines = await node.ask('cluster');
    if (lines.some((line) => line['type'] === 'link' && line['isUp'] === true)) return;
  }
}

/** Of the file: each server that a test has is in another one, as servers that know nothing of each other are. */
const meetings: Promise<Meeting>[] = [];
let joined = 0;
aroundEachFile({
  async end() {
    for (const meeting of await Promise.all(meetings.splice(0))) await meeting.end();
  },
});

function nextMeeting(): Promise<Meeting> {
  onTestFinished(() => void (joined -= 1));
  return (meetings[joined++] ??= Meeting.begin(SHORT));
}
