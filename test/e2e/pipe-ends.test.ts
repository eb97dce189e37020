import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RfcPeer } from '../support/rfc-peer.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';
import { LAB, labFile, startServer } from './chatosbot.ts';
import { ownServer } from './own-server.ts';
import {
  blamed,
  encrypted,
  midway,
  receiver,
  sender,
  shell,
  signalled,
  statuses,
  withFlags,
  type Meeting,
  type Statuses,
} from './pipe-sides.ts';
import { sharedServer, type SharedServer } from './shared-server.ts';

let server: SharedServer;
let count = 0;

/** Of a file: more than the disk has room for. */
const SIZE = 5_000_000;

/** File systems of 1,000 KB, as root can make them. */
const TINY = path.join(LAB, 'tiny');
mkdirSync(TINY);
const mounted = spawnSync('sh', ['-c', `mount -t tmpfs -o size=1000k tmpfs "${TINY}"`]).status === 0;
afterAll(() => void spawnSync('sh', ['-c', `umount -l "${TINY}"`]));

beforeAll(async () => {
  server = await sharedServer();
  labFile('five-million', new Uint8Array(SIZE));
});

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
    expect(readFileSync(meeting.file)).toHaveLength(SIZE);
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
  'a signal ends the sender': (meeting) => signalled(meeting, 'sending'),
  'a signal ends the receiver': (meeting) => signalled(meeting, 'receiving'),
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
    const sending = sender(meeting, '<"$LAB/five-million"');
    return blamed('no space left on the device', await statuses(sending, receiving), receiving, sending);
  },
  'so it does, on the last block': async (meeting) => {
    const disk = `${meeting.file}-disk`;
    mkdirSync(disk);
    spawnSync('sh', ['-c', `mount -t tmpfs -o size=1000k tmpfs "${disk}"`]);
    try {
      const receiving = await receiver(meeting, `>"${disk}/out"`);
      // The last write finds room for its first part.
      const found = await statuses(sender(meeting, '< <(head -c 1040000 /dev/zero)'), receiving);
      expect(statSync(`${disk}/out`).size).toBeLessThan(1_040_000);
      return blamed('no space left on the device', found, receiving);
    } finally {
      spawnSync('sh', ['-c', `umount "${disk}"`]);
    }
  },
  'its file reaches a limit of the size': async (meeting) => {
    const receiving = await receiver(meeting, `>"${meeting.file}"`, 'ulimit -f 500;');
    const found = await statuses(sender(meeting, '<"$LAB/five-million"'), receiving);
    expect(statSync(meeting.file).size).toBe(512_000);
    return blamed('the file is too large', found, receiving);
  },
  'its standard output was closed from the start': async (meeting) => {
    const receiving = await receiver(meeting, '>&-');
    return blamed('it is not open', await statuses(sender(meeting, '<<<lost'), receiving), receiving);
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
    // A process: what its end looks like to both sides is the system's.
    const own = await startServer();
    const { sending, receiving } = await midway({ ...meeting, at: own.at });
    own.command.kill('SIGKILL');
    return statuses(sending, receiving);
  },
  'the server is stopped, and its drain time is over': async (meeting) => {
    const own = await ownServer(200);
    const { sending, receiving } = await midway({ ...meeting, at: own.at });
    await own.end();
    return statuses(sending, receiving);
  },
  'the server is stopped, and both end within its drain time': async (meeting) => {
    const own = await ownServer(20_000);
    const { sending, receiving } = await midway({ ...meeting, at: own.at });
    const ended = own.end();
    sending.stdin.end('last\n');
    const found = await statuses(sending, receiving);
    await ended;
    return found;
  },
  'the server is restarted while the receiver waits': async (meeting) => {
    const own = await ownServer();
    const there = { ...meeting, at: own.at };
    const receiving = await receiver(there, `>"${meeting.file}"`);
    await own.kill();
    await own.startAgain();
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
    const { login, at, flags } = meeting;
    const holder = await RfcPeer.connect(server.port);
    await holder.login(login);
    const taken = shell(`exec chatosbot pipe --listen --login ${login} -s ${at} ${flags}`);
    return statuses(undefined, taken).finally(holder.destroy);
  },
  'with `--secret`, the input of the sender ends': async (meeting) => {
    const receiving = await receiver(encrypted(meeting), `>"${meeting.file}"`);
    const found = await statuses(sender(encrypted(meeting), '<"$LAB/five-million"'), receiving);
    expect(readFileSync(meeting.file)).toHaveLength(SIZE);
    return found;
  },
  'wrong secret': async (meeting) => {
    const receiving = await receiver(encrypted(meeting), '');
    return statuses(sender(encrypted(meeting, 'other'), '<<<x'), receiving);
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

/** Before anything of a stream is sent, nothing depends on `--verify`: they run with it alone. */
const ALIKE = new Set([
  'so it does, for longer than `--wait` of the sender',
  'there is no receiver',
  'the receiver refuses (`--from`)',
  'the login is taken',
  'wrong secret',
  'wrong code',
  'only one side encrypts',
  'there is no server',
]);
const AT_ONCE = 4;
/** Columns of the table. */
const [PLAIN, VERIFIED] = [
  [1, 2],
  [3, 4],
] as const;

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
  const own = flags === '' ? PLAIN : VERIFIED;
  const columns = (what: string) => (ALIKE.has(what) ? [PLAIN, VERIFIED] : [own]);
  const runs = (what: string) => what in ENDINGS && (own === VERIFIED || !ALIKE.has(what));
  const rows = ROWS.filter(([what = '']) => runs(what) && (mounted || !/disk|block/.test(what)));
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
    const found = await results.get(what);
    for (const pair of columns(what)) expect(found).toEqual(pair.map((column) => statusOf(row[column]!)));
  });
});
