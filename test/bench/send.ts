import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { compare, type Contender, type Figures } from './measure.ts';
import { CLI, isInstalled, startChatos } from './servers/processes.ts';
import { SSH_NEEDS, startSshd } from './servers/sshd.ts';

const MIB = 2 ** 20;
const PORT = 5_599;
const NODE = `'${process.execPath}' '${CLI}'`;

/** How long a shell's receiver may take to wait before its sender is started. */
const READY_MS = 1_500;

/** Ten thousand small files, and a large one: `send`, beside `tar` through `ncat` and `scp`, which check nothing at the end. */
export async function benchSend(rounds: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  try {
    const [small, large] = [path.join(folder, 'small'), path.join(folder, 'large')];
    for (let number = 0; number < 10_000; number += 1) {
      const into = path.join(small, `${number % 100}`);
      mkdirSync(into, { recursive: true });
      writeFileSync(path.join(into, `${number}`), randomBytes(2_000 + (number % 100) * 20));
    }
    for (let mib = 0; mib < 1024; mib += 1) writeFileSync(large, randomBytes(MIB), { flag: 'a' });
    for (const [title, source] of [
      ['10,000 files of 2 to 4 KB', small],
      ['a file of 1 GiB', large],
    ] as const) {
      await compare(`send: ${title}`, contenders(source, folder), rounds);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function contenders(source: string, folder: string): Contender[] {
  const [parent, name] = [path.dirname(source), path.basename(source)];
  const unpack = (into: string): string => `cd '${into}' && ncat -l 127.0.0.1 ${PORT} --recv-only | tar x`;
  const pack = `cd '${parent}' && tar c '${name}' | ncat 127.0.0.1 ${PORT} --send-only`;
  const ncat: Contender[] = [
    { name: 'tar, ncat', run: () => measure(folder, unpack, () => pack) },
    {
      name: 'tar, ncat, then sync',
      run: () =>
        measure(
          folder,
          (into) => `${unpack(into)} && sync -f '${into}'`,
          () => pack,
        ),
    },
  ];
  return [
    {
      name: 'chatosbot send',
      async run() {
        const server = await startChatos();
        try {
          const at = `-q --server 127.0.0.1:${server.port}`;
          return await measure(
            folder,
            (into) => `exec ${NODE} receive --from mouth --login ear --yes --dir '${into}' ${at}`,
            () => `exec ${NODE} send '${source}' --to ear --login mouth ${at}`,
          );
        } finally {
          await server.stop();
        }
      },
    },
    ...(isInstalled('ncat') ? ncat : missing('ncat')),
    ...(SSH_NEEDS.every(isInstalled) ? [scp(source, folder)] : missing('sshd and scp')),
  ];
}

function scp(source: string, folder: string): Contender {
  return {
    name: 'scp, then sync',
    async run() {
      const server = await startSshd();
      try {
        const flags = ['-q', '-r', '-P', `${server.port}`, ...server.options].map((flag) => `'${flag}'`).join(' ');
        return await measure(
          folder,
          () => 'exit',
          (into) => `scp ${flags} '${source}' '${server.destination}:${into}' && sync -f '${into}'`,
        );
      } finally {
        await server.stop();
      }
    },
  };
}

function missing(what: string): Contender[] {
  process.stderr.write(`without ${what}: not installed here\n`);
  return [];
}

type Script = (into: string) => string;

/**
 * From the start of the sender to the end of both. Each goes into a folder of its own, which is removed at the very end: a
 * file system may look at every file that was removed in the last minutes before it makes a new one (ext4 without a journal
 * does), which took more time than all else.
 */
async function measure(folder: string, receive: Script, send: Script): Promise<Figures> {
  const into = mkdtempSync(path.join(folder, 'into-'));
  const receiver = spawn('bash', ['-c', receive(into)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const received = once(receiver, 'exit');
  await sleep(READY_MS);
  const startedAt = performance.now();
  const sender = spawn('bash', ['-c', send(into)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [[sent], [got]] = await Promise.all([once(sender, 'exit'), received]);
  if (sent !== 0 || got !== 0) throw new Error(`the sender exited with ${sent}, the receiver with ${got}`);
  return { s: (performance.now() - startedAt) / 1000 };
}
