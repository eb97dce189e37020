import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import type { Command } from '../support/command.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';
import { commandFolder, LAB, labFile, startProgram, startServer } from './chatosbot.ts';

/** The statuses of the sender and the receiver; `undefined` where there is none, or it was killed. */
type Statuses = readonly [number | undefined, number | undefined];

/** What two commands need that meet. */
interface Meeting {
  /** Of the receiver. */
  readonly login: string;
  readonly at: string;
  /** `--verify`, or nothing. */
  readonly flags: string;
  /** Where the receiver writes. */
  readonly file: string;
}

let server: Awaited<ReturnType<typeof startServer>>;
let count = 0;

/** File systems of 1,000 KB, as root can make them. */
const TINY = path.join(LAB, 'tiny');
mkdirSync(TINY);
const mounted = spawnSync('sh', ['-c', `mount -t tmpfs -o size=4m tmpfs "${TINY}"`]).status === 0;
afterAll(() => void spawnSync('sh', ['-c', `umount -l "${TINY}"`]));

beforeAll(async () => {
  server = await startServer();
  labFile('five-million', new Uint8Array(5_000_000));
});

const BIN = commandFolder();

function shell(script: string): Command {
  const PATH = `${BIN}${path.delimiter}${process.env['PATH']}`;
  return startProgram('bash', ['-c', script], { env: { PATH, LAB }, input: 'open' });
}

/** A receiver whose standard input is empty: `redirect` is where its output goes. */
async function receiver({ login, at, flags }: Meeting, redirect: string, before = ''): Promise<Command> {
  const command = shell(
    `${before} exec chatosbot pipe --listen --login ${login} -s ${at} ${flags} </dev/null ${redirect}`,
  );
  await command.line(/waiting for a private connection/);
  return command;
}

/** A sender, of what the test types or of a file. */
function sender({ login, at, flags }: Meeting, from = '', more = ''): Command {
  return shell(`exec chatosbot pipe ${login} -s ${at} --login from-${login} ${flags} ${more} ${from} >/dev/null`);
}

/** Both, with something of a stream that goes on arrived already. */
async function midway(meeting: Meeting, more = '') {
  const receiving = await receiver(meeting, '');
  const sending = sender(meeting, '', more);
  sending.type('first\n');
  await receiving.line(/^first$/, 'stdout');
  return { sending, receiving };
}

async function statuses(sending: Command | undefined, receiving: Command | undefined): Promise<Statuses> {
  const of = async (command: Command | undefined) => (await command?.exit())?.status ?? undefined;
  return Promise.all([of(sending), of(receiving)]);
}

const SIGNALS = { HUP: 129, INT: 130, QUIT: 131, TERM: 143 } as const;
/** Each signal reaches each side once, plain or with `--verify`: a signal is handled in the same place for both. */
const SENT = {
  sending: { '': ['HUP', 'TERM'], '--verify': ['INT', 'QUIT'] },
  receiving: { '': ['INT', 'QUIT'], '--verify': ['HUP', 'TERM'] },
} as const;

/** With 128 + n in the place of what each signal's status is. */
async function eachSignal(meeting: Meeting, to: 'sending' | 'receiving'): Promise<Statuses> {
  const all = SENT[to][meeting.flags as '' | '--verify'].map(async (name) => {
    const both = await midway({ ...meeting, login: `${meeting.login}-${name}` });
    both[to].kill(`SIG${name}`);
    const found = await statuses(both.sending, both.receiving);
    return found.map((one) => (one === SIGNALS[name] ? 128 : one));
  });
  const found = await Promise.all(all);
  expect(found).toEqual(found.map(() => found[0]));
  return found[0] as unknown as Statuses;
}

const [SECRET, OTHER_SECRET] = ['one', 'other'].map((name) => {
  const file = labFile(`${name}.secret`, makeSecret());
  chmodSync(file, 0o600);
  return file;
}) as [string, string];

function withFlags(meeting: Meeting, more: string): Meeting {
  return { ...meeting, flags: `${meeting.flags} ${more}` };
}

function encrypted(meeting: Meeting, secret = SECRET): Meeting {
  return withFlags(meeting, `--secret "${secret}"`);
}

/** The receiver reads through somebody who lets the beginning of a stream through. */
async function tampered(meeting: Meeting, how: 'cut' | 'bend'): Promise<Statuses> {
  const proxy = await startTamperingProxy(server.port, how, 200_000);
  const receiving = await receiver({ ...encrypted(meeting), at: proxy.at }, `>"${meeting.file}"`);
  const found = await statuses(sender(encrypted(meeting), '<"$LAB/five-million"'), receiving).finally(() =>
    proxy.close(),
  );
  expect(readFileSync(meeting.file).length).toBeLessThanOrEqual(200_000);
  return found;
}

/** How each row of the table comes about. */
const ENDINGS: Readonly<Record<string, (meeting: Meeting) => Promise<Statuses>>> = {
  'the input of the sender ends': async (meeting) => {
    const receiving = await receiver(meeting, `>"${meeting.file}"`);
    const found = await statuses(sender(meeting, '<"$LAB/five-million"'), receiving);
    expect(readFileSync(meeting.file)).toHaveLength(5_000_000);
    return found;
  },
  'the input of the receiver ends first, and the sender goes on': async (meeting) => {
    const { login, at, flags } = meeting;
    const receiving = shell(`exec chatosbot pipe --listen --login ${login} -s ${at} ${flags} <<<greeting`);
    await receiving.line(/waiting for a private connection/);
    const sending = shell(`exec chatosbot pipe ${login} -s ${at} --login from-${login} ${flags}`);
    await sending.line(/^greeting$/, 'stdout');
    sending.stdin.end('late\n');
    await receiving.line(/^late$/, 'stdout');
    return statuses(sending, receiving);
  },
  'a signal ends the sender': (meeting) => eachSignal(meeting, 'sending'),
  'a signal ends the receiver': (meeting) => eachSignal(meeting, 'receiving'),
  'the sender is killed (`SIGKILL`, out of memory)': async (meeting) => {
    const { sending, receiving } = await midway(meeting);
    sending.kill('SIGKILL');
    return statuses(undefined, receiving);
  },
  'the receiver is killed': async (meeting) => {
    const { sending, receiving } = await midway(meeting);
    receiving.kill('SIGKILL');
    const more = setInterval(() => sending.type('more\n'), 20);
    return statuses(sending, undefined).finally(() => clearInterval(more));
  },
  "the receiver's disk fills up": async (meeting) => {
    const receiving = await receiver(meeting, `>"${TINY}/${meeting.login}"`);
    return statuses(sender(meeting, '<"$LAB/five-million"'), receiving);
  },
  'so it does, on the last block': async (meeting) => {
    const disk = `${meeting.file}-disk`;
    mkdirSync(disk);
    spawnSync('sh', ['-c', `mount -t tmpfs -o size=1000k tmpfs "${disk}"`]);
    try {
      const receiving = await receiver(meeting, `>"${disk}/out"`);
      // The last write finds room for its first part.
      return await statuses(sender(meeting, '< <(head -c 1040000 /dev/zero)'), receiving);
    } finally {
      spawnSync('sh', ['-c', `umount "${disk}"`]);
    }
  },
  'its file reaches a limit of the size': async (meeting) => {
    const receiving = await receiver(meeting, `>"${meeting.file}"`, 'ulimit -f 1000;');
    return statuses(sender(meeting, '<"$LAB/five-million"'), receiving);
  },
  'its standard output was closed from the start': async (meeting) => {
    const receiving = await receiver(meeting, '>&-');
    return statuses(sender(meeting, '<<<lost'), receiving);
  },
  'what reads its standard output has had enough': async (meeting) => {
    const { login, at, flags } = meeting;
    const listen = `chatosbot pipe --listen --login ${login} -s ${at} ${flags} </dev/null`;
    const receiving = shell(`${listen} | head -c 10 >/dev/null; exit "\${PIPESTATUS[0]}"`);
    await receiving.line(/waiting for a private connection/);
    const sending = sender(meeting);
    const more = setInterval(() => sending.type('0123456789\n'), 20);
    return statuses(sending, receiving).finally(() => clearInterval(more));
  },
  'the server is killed': async (meeting) => {
    const own = await startServer();
    const { sending, receiving } = await midway({ ...meeting, at: own.at });
    own.command.kill('SIGKILL');
    return statuses(sending, receiving);
  },
  'the server is stopped, and its drain time is over': async (meeting) => {
    const own = await startServer(['--drain', '0.2']);
    const { sending, receiving } = await midway({ ...meeting, at: own.at });
    own.command.kill('SIGTERM');
    return statuses(sending, receiving);
  },
  'the server is stopped, and both end within its drain time': async (meeting) => {
    const own = await startServer();
    const { sending, receiving } = await midway({ ...meeting, at: own.at });
    own.command.kill('SIGTERM');
    await own.command.line(/^stopping on SIGTERM, waiting/);
    sending.stdin.end('last\n');
    return statuses(sending, receiving);
  },
  'the server is restarted while the receiver waits': async (meeting) => {
    const own = await startServer();
    const there = { ...meeting, at: own.at };
    const receiving = await receiver(there, `>"${meeting.file}"`);
    own.command.kill('SIGKILL');
    await own.command.ended;
    await startServer(['--listen', own.at]);
    await receiving.line(/logged in again/);
    return statuses(sender(there, '<<<late'), receiving);
  },
  'nothing moves for as long as `--idle-timeout` of the sender says': async (meeting) => {
    const { sending, receiving } = await midway(meeting, '--idle-timeout 0.4');
    return statuses(sending, receiving);
  },
  'the receiver serves somebody else first': async (meeting) => {
    const { login, at, flags } = meeting;
    const listen = `exec chatosbot pipe --listen --keep --wait 6 --login ${login} -s ${at} ${flags}`;
    const receiving = shell(listen);
    await receiving.line(/waiting for a private connection/);
    const other = sender({ ...meeting }, '', `--login other-${login}`);
    other.type('first\n');
    await receiving.line(/^first$/, 'stdout');
    const sending = sender(meeting, '<<<second');
    await sending.line(/asking/);
    other.stdin.end();
    await other.exit();
    return statuses(sending, receiving);
  },
  'so it does, for longer than `--wait` of the sender': async (meeting) => {
    await midway(meeting);
    const late = sender(meeting, '', `--wait 0.4 --login late-${meeting.login}`);
    return statuses(late, undefined);
  },
  'there is no receiver': (meeting) => statuses(sender(meeting, '<<<x', '--wait 0.4'), undefined),
  'the receiver refuses (`--from`)': async (meeting) => {
    const { login, at } = meeting;
    const receiving = shell(`exec chatosbot pipe --listen --from nobody --login ${login} -s ${at}`);
    await receiving.line(/waiting for a private connection/);
    return statuses(sender(meeting, '<<<x'), undefined);
  },
  'the login is taken': async (meeting) => {
    await receiver({ ...meeting, flags: '' }, '');
    const { login, at, flags } = meeting;
    return statuses(undefined, shell(`exec chatosbot pipe --listen --login ${login} -s ${at} ${flags}`));
  },
  'with `--secret`, the input of the sender ends': async (meeting) => {
    const receiving = await receiver(encrypted(meeting), `>"${meeting.file}"`);
    const found = await statuses(sender(encrypted(meeting), '<"$LAB/five-million"'), receiving);
    expect(readFileSync(meeting.file)).toHaveLength(5_000_000);
    return found;
  },
  'wrong secret': async (meeting) => {
    const receiving = await receiver(encrypted(meeting), '');
    return statuses(sender(encrypted(meeting, OTHER_SECRET), '<<<x'), receiving);
  },
  'wrong code': async (meeting) => {
    const receiving = await receiver(withFlags(meeting, '--code velvet-orange'), '');
    return statuses(sender(withFlags(meeting, '--code velvet-onion'), '<<<x'), receiving);
  },
  'only one side encrypts': async (meeting) => {
    const receiving = await receiver(encrypted(meeting), '');
    return statuses(sender(meeting, '<<<x'), receiving);
  },
  'with `--secret`, the server cuts it as if both had ended': (meeting) => tampered(meeting, 'cut'),
  'with `--secret`, a bit of what the receiver reads is changed': (meeting) => tampered(meeting, 'bend'),
  'with `--secret`, the sender is killed': async (meeting) => {
    const { login, at, flags } = encrypted(meeting);
    const receiving = shell(`exec chatosbot pipe --listen --login ${login} -s ${at} ${flags}`);
    await receiving.line(/waiting for a private connection/);
    const sending = shell(`exec chatosbot pipe ${login} -s ${at} --login from-${login} ${flags}`);
    sending.type('first\n');
    await receiving.line(/^first$/, 'stdout');
    // Where it has not read everything, the system resets its connection, and there is nothing to tell apart.
    receiving.type('second\n');
    await sending.line(/^second$/, 'stdout');
    sending.kill('SIGKILL');
    return statuses(undefined, receiving);
  },
  'there is no server': (meeting) => {
    const there = { ...meeting, at: '127.0.0.1:1' };
    return statuses(sender(there, '<<<x'), shell('exec chatosbot pipe --listen -s 127.0.0.1:1'));
  },
};

const AT_ONCE = 4;

/** The rows of the table in docs/pipes.md: what happens, and the statuses without and with `--verify`. */
const ROWS = readFileSync('docs/pipes.md', 'utf8')
  .split(/^#### Each ending$/m)[1]!
  .split(/^#/m)[0]!
  .split('\n')
  .filter((line) => /^\| [^-]/.test(line))
  .slice(1)
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );

function statusOf(cell: string): number | undefined {
  return cell === '' ? undefined : cell === '128 + n' ? 128 : Number(cell);
}

test('docs/pipes.md has a row for each ending', () => {
  expect(ROWS.map(([what]) => what)).toEqual([...Object.keys(ENDINGS), 'the link between them is dead']);
});

describe.each(['', '--verify'])('pipe %s', (flags) => {
  const [first, second] = flags === '' ? [1, 2] : [3, 4];
  const rows = ROWS.filter(([what = '']) => what in ENDINGS && (mounted || !/disk|block/.test(what)));
  const results = new Map<string, Promise<Statuses>>();

  // Most of the time of each is spent waiting: some are run at once.
  beforeAll(async () => {
    const left = rows.map(([what]) => what!);
    const worker = async (): Promise<void> => {
      for (let what = left.shift(); what !== undefined; what = left.shift()) {
        const login = `end-${++count}`;
        const result = ENDINGS[what]!({ login, at: server.at, flags, file: path.join(LAB, login) });
        results.set(what, result);
        await result.catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }, 240_000);

  test.each(rows.map((row) => [row[0]!, row] as const))('%s', async (what, row) => {
    expect(await results.get(what)).toEqual([statusOf(row[first]!), statusOf(row[second]!)]);
  });
});
