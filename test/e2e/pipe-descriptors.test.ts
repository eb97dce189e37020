import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { commandFolder, LAB, labFile, startProgram } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';

/** A device that is silent after what it has to say. Only some users can read it, and in some containers it is empty. */
const KERNEL_LOG = '/dev/kmsg';
const hasKernelLog = hasSomething(KERNEL_LOG);

let at: string;
let count = 0;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

function hasSomething(device: string): boolean {
  try {
    const fd = openSync(device, constants.O_RDONLY | constants.O_NONBLOCK);
    const bytes = readSync(fd, Buffer.alloc(8192));
    closeSync(fd);
    return bytes > 0;
  } catch {
    return false;
  }
}

/** A script in which `chatosbot` is a program, with no shell around it that would keep its descriptors open. */
function shell(script: string) {
  const PATH = `${commandFolder()}${path.delimiter}${process.env['PATH']}`;
  return startProgram('bash', ['-c', script], { env: { PATH, CHATOSBOT_SERVER: at, LAB } });
}

/**
 * Runs a listener and a sender, each a part of a shell script, in which `$L` is the listening and `$S` the asking command.
 * Each script prints what it found out about itself. The sender starts when the listener is ready.
 */
async function pair(scripts: { listener: string; sender: string | { readonly input: string } }) {
  const login = `descriptor-${++count}`;
  const define = `L='chatosbot pipe --listen --login ${login}'; S='chatosbot pipe -q ${login}';`;
  const listener = shell(`${define} ${scripts.listener}`);
  await listener.line(/waiting for a private connection/);
  const sender =
    typeof scripts.sender === 'string'
      ? shell(`${define} ${scripts.sender}`).exit()
      : runShared(['pipe', '-q', login, '--server', at], scripts.sender);
  const [received, sent] = await Promise.all([listener.exit(), sender]);
  return { received, sent };
}

describe('pipe and what reads its output', () => {
  test('hands the end of the peer on, so that a program which waits for it can answer', async () => {
    const { received, sent } = await pair({
      listener: 'mkfifo "$LAB/loop"; $L <"$LAB/loop" | sort -r >"$LAB/loop"; echo "${PIPESTATUS[0]}"',
      sender: 'seq 3 | $S | tr "\\n" " "; echo "${PIPESTATUS[1]}"',
    });
    expect([received.stdout, sent.stdout]).toEqual(['0\n', '3 2 1 0\n']);
  });

  test('does so over a socket, which it shuts down', async () => {
    const program = `
      const net = require('node:net'), { spawn } = require('node:child_process');
      net.createServer({ allowHalfOpen: true }, (socket) => {
        let all = '';
        socket.on('data', (chunk) => (all += chunk)).on('end', () => socket.end(all.toUpperCase()));
      }).listen(process.env.LAB + '/socket', () => {
        const socket = net.connect(process.env.LAB + '/socket', () => {
          const child = spawn('bash', ['-c', process.env.SCRIPT], { stdio: [socket, socket, 2] });
          child.on('exit', (code) => { console.log(code); process.exit(0); });
        });
      });`;
    labFile('socket.cjs', program);
    const { received, sent } = await pair({
      listener: 'SCRIPT="$L" exec node "$LAB/socket.cjs"',
      sender: { input: 'shout' },
    });
    expect([received.stdout, sent.status, sent.stdout]).toEqual(['0\n', 0, 'SHOUT']);
  });

  test('takes the reading end of a pipe as standard output for one that is closed', async () => {
    const { received, sent } = await pair({
      listener: 'mkfifo "$LAB/unread"; exec 3<>"$LAB/unread"; $L </dev/null 1<"$LAB/unread"; echo "$?"',
      sender: { input: 'lost' },
    });
    expect([received.stdout, sent.status]).toEqual(['75\n', 75]);
    expect(received.stderr).toContain('cannot write standard output: it is not open');
  });

  test('takes /dev/null as an output that was meant', async () => {
    const { received, sent } = await pair({
      listener: '$L </dev/null >/dev/null; echo "$?"',
      sender: { input: 'dropped' },
    });
    expect([received.stdout, sent.status]).toEqual(['0\n', 0]);
  });
});

describe('pipe and its input', () => {
  test('takes one that is open for writing only, as under nohup, for an empty one, and ignores SIGHUP then', async () => {
    const { received, sent } = await pair({
      listener: '$L >"$LAB/nohup" 0>/dev/null & echo $! >"$LAB/pid"; wait $!; echo "$?"',
      sender: 'kill -HUP "$(cat "$LAB/pid")"; seq 100000 | $S 2>&1; echo "$?"',
    });
    expect([received.stdout, sent.stdout]).toEqual(['0\n', '0\n']);
    expect(readFileSync(path.join(LAB, 'nohup'), 'utf8')).toHaveLength(588_895);
  });
});

test('pipe reports a socket that is no stream in words, before anybody is asked', async () => {
  const datagrams = '/dev/udp/127.0.0.1/9';
  const { stdout, stderr } = await shell(
    `chatosbot pipe nobody <${datagrams}; echo "$?"; chatosbot pipe nobody </dev/null 2>&1 >${datagrams}; echo "$?"`,
  ).exit();
  expect(stderr).toBe('chatosbot: cannot read standard input: sockets of this kind are not supported\n');
  const lost = 'chatosbot: cannot write standard output: sockets of this kind are not supported';
  expect(stdout).toBe(`75\n${lost}\n75\n`);
});

test.skipIf(!hasKernelLog)('pipe ends when its peer has gone, while a device that it reads is silent', async () => {
  const { received, sent } = await pair({
    listener: '$L --exec "head -c 1 >/dev/null; exit 3"; echo "$?"',
    sender: `$S <${KERNEL_LOG}; echo "$?"`,
  });
  expect([received.stdout, sent.stdout]).toEqual(['3\n', '75\n']);
});

test.skipIf(!hasKernelLog)(
  'nothing waits for a device any more when the pipe that read it has been killed',
  async () => {
    const { sent } = await pair({
      listener: '$L </dev/null >/dev/null',
      sender: `
      $S <${KERNEL_LOG} & pid=$!
      until reader=$(ps -o pid=,comm= --ppid $pid | grep ' cat$'); do sleep 0.05; done
      set -- $reader; kill -9 $pid
      while [ -e /proc/$1/fd/0 ]; do sleep 0.05; done; echo gone`,
    });
    expect(sent.stdout).toBe('gone\n');
  },
);

test('pipe leaves pipes that it shares with neighbours as they were, also when it is killed', async () => {
  const { received } = await pair({
    listener: '{ $L </dev/null; seq 200000; } | { read -r first; sleep 0.5; echo "$first, $(wc -l)"; }',
    sender: { input: 'first\n' },
  });
  expect(received.stdout).toBe('first, 200000\n');
  expect(received.stderr).not.toContain('Resource temporarily unavailable');
  const script = '$S <&3 & pid=$!; sleep 1; kill -9 $pid; wait; grep flags /proc/$$/fdinfo/3';
  const killed = shell(`S='chatosbot pipe -q nobody'; mkfifo "$LAB/shared"; exec 3<>"$LAB/shared"; ${script}`);
  const { stdout } = await killed.exit();
  expect(Number.parseInt(/flags:\s*(\d+)/.exec(stdout)![1]!, 8) & 0o4000).toBe(0);
});
