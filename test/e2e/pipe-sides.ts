/** The two sides of a pipe, in shells: for the table of endings in docs/pipes.md. */
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import type { Command } from '../support/command.ts';
import { commandFolder, LAB, labFile, startProgram } from './chatosbot.ts';

/** The statuses of the sender and the receiver; `undefined` where there is none, or it was killed. */
export type Statuses = readonly [number | undefined, number | undefined];

/** What two commands need that meet. */
export interface Meeting {
  /** Of the receiver. */
  readonly login: string;
  readonly at: string;
  /** `--verify`, or nothing. */
  readonly flags: string;
  /** Where the receiver writes. */
  readonly file: string;
}

/** Written once: others may read it already. */
const once = <T>(make: () => T) => {
  let made: { readonly value: T } | undefined;
  return (): T => (made ??= { value: make() }).value;
};

const binFolder = once(commandFolder);

/** `chatosbot` is a program in it, with no shell around it. */
export function shell(script: string): Command {
  const PATH = `${binFolder()}${path.delimiter}${process.env['PATH']}`;
  return startProgram('bash', ['-c', script], { env: { PATH, LAB }, input: 'open' });
}

/** A receiver whose standard input is empty: `redirect` is where its output goes. */
export async function receiver({ login, at, flags }: Meeting, redirect: string, before = ''): Promise<Command> {
  const command = shell(
    `${before} exec chatosbot pipe --listen --login ${login} -s ${at} ${flags} </dev/null ${redirect}`,
  );
  await command.line(/waiting for a private connection/);
  return command;
}

/** A sender, of what the test types or of a file. */
export function sender({ login, at, flags }: Meeting, from = '', more = ''): Command {
  return shell(`exec chatosbot pipe ${login} -s ${at} --login from-${login} ${flags} ${more} ${from} >/dev/null`);
}

/** Both, with something of a stream that goes on arrived already. */
export async function midway(meeting: Meeting, more = '') {
  const receiving = await receiver(meeting, '');
  const sending = sender(meeting, '', more);
  sending.type('first\n');
  await receiving.line(/^first$/, 'stdout');
  return { sending, receiving };
}

export async function statuses(sending: Command | undefined, receiving: Command | undefined): Promise<Statuses> {
  const of = async (command: Command | undefined) => (await command?.exit())?.status ?? undefined;
  return Promise.all([of(sending), of(receiving)]);
}

/** The receiver has said why, and with `--verify` the sender, too, if it is given. */
export function blamed(why: string, found: Statuses, receiving: Command, sending?: Command): Statuses {
  const lost = `cannot write standard output: ${why}`;
  expect(receiving.stderr).toContain(`chatosbot: ${lost}\n`);
  if (sending && found[0] === 65) expect(sending.stderr).toMatch(new RegExp(`\nchatosbot: \\S+ gave up: ${lost}\n$`));
  return found;
}

const SECRETS = { one: once(() => secretFile('one')), other: once(() => secretFile('other')) };

function secretFile(name: string): string {
  const file = labFile(`${name}.secret`, makeSecret());
  chmodSync(file, 0o600);
  return file;
}

const SIGNALS = { HUP: 129, INT: 130, QUIT: 131, TERM: 143 } as const;
/** A signal is handled in the same place for both sides, plain or with `--verify`; the others: pipe-endings.test.ts. */
const SENT = {
  sending: { '': 'TERM', '--verify': 'INT' },
  receiving: { '': 'HUP', '--verify': 'QUIT' },
} as const;

/** With 128 + n in the place of what the signal's status is. */
export async function signalled(meeting: Meeting, to: 'sending' | 'receiving'): Promise<Statuses> {
  const name = SENT[to][meeting.flags as '' | '--verify'];
  const both = await midway(meeting);
  both[to].kill(`SIG${name}`);
  const [sent, received] = await statuses(both.sending, both.receiving);
  const shown = (one: number | undefined) => (one === SIGNALS[name] ? 128 : one);
  return [shown(sent), shown(received)];
}

export function withFlags(meeting: Meeting, more: string): Meeting {
  return { ...meeting, flags: `${meeting.flags} ${more}` };
}

export function encrypted(meeting: Meeting, secret: keyof typeof SECRETS = 'one'): Meeting {
  return withFlags(meeting, `--secret "${SECRETS[secret]()}"`);
}
