import { spawn, type ChildProcess } from 'node:child_process';
import { fstatSync, read, statfsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { streamSource, type ByteSource } from './bytes.ts';

const CHUNK_BYTES = 512 * 1024;

/** Devices of Linux that keep no reader waiting: null, zero, full, random and urandom. */
const READY_DEVICES: ReadonlySet<number> = new Set([0x103, 0x105, 0x107, 0x108, 0x109]);

/** File systems of the kernel whose files may be devices in disguise, as `/proc/kmsg` is: proc, debugfs, tracefs. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x9fa0, 0x64626720, 0x74726163]);

/** Whether an open file that looks like one of a disk may keep its reader waiting for ever. */
export function isDeviceLike(fd: number): boolean {
  if (fstatSync(fd).size > 0) return false;
  try {
    return KERNEL_FILE_SYSTEMS.has(statfsSync(`/proc/self/fd/${fd}`).type);
  } catch {
    return false;
  }
}

/**
 * Reads a device, which may keep its reader waiting.
 *
 * @param start starts a process
 */
export function deviceSource(fd: number, start = spawn): ByteSource {
  const stats = fstatSync(fd);
  return stats.isBlockDevice() || READY_DEVICES.has(stats.rdev) ? threadSource(fd) : helperSource(fd, start);
}

/** A thread reads. */
function threadSource(fd: number): ByteSource {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  return {
    read: () =>
      new Promise((resolve, reject) => {
        read(fd, buffer, 0, buffer.length, null, (error, count) => {
          if (error) reject(error);
          else resolve(count === 0 ? undefined : buffer.subarray(0, count));
        });
      }),
    close: () => undefined,
  };
}

/**
 * `cat` reads: at its exit, Node.js waits for its threads, and one that the device keeps waiting would never end. Where we
 * are killed, `cat` waits for the device, too; beside it, a shell waits for the end of a pipe that we alone can write to.
 */
const READER = `{ read -r over <&3 || kill -9 $$; } </dev/null >/dev/null & exec cat 3<&-`;

/** A process reads. */
function helperSource(fd: number, start: typeof spawn): ByteSource {
  let source: ByteSource | undefined;
  let end = (): void => undefined;
  const open = async (): Promise<ByteSource> => {
    // In a session of its own, no signal of a terminal ends it before us.
    const child = start('sh', ['-c', READER], { stdio: [fd, 'pipe', 'ignore', 'pipe'], detached: true });
    // Without descriptors for them, Node.js makes no streams.
    const guard = (child.stdio as ChildProcess['stdio'] | undefined)?.[3] as Socket | undefined;
    guard?.on('error', () => undefined);
    end = () => {
      // The number of a process that has ended may soon be that of another one: nobody is killed any more.
      guard?.end('over\n').resume();
      child.kill('SIGKILL');
      process.off('exit', end);
    };
    child.once('exit', () => end());
    process.on('exit', end);
    const hasStarted = await new Promise<boolean>((resolve) => {
      child.once('spawn', () => resolve(true)).once('error', () => resolve(false));
    });
    return hasStarted ? outputOf(child) : threadSource(fd);
  };
  return {
    read: async () => (source ??= await open()).read(),
    close: () => end(),
  };
}

function outputOf(child: ChildProcess): ByteSource {
  const output = streamSource(child.stdout!);
  const exited = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  return {
    async read() {
      const chunk = await output.read();
      if (chunk || (await exited) === 0) return chunk;
      throw Object.assign(new Error('cat could not read'), { code: 'EIO', syscall: 'read' });
    },
    close: () => output.close(),
  };
}
