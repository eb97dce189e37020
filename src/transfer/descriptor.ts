import { constants, fstatSync, openSync, readFileSync, readvSync, writeSync, writevSync, type Stats } from 'node:fs';
import net from 'node:net';

/** What a descriptor leads to, as far as reading and writing differ. */
export type DescriptorKind = 'file' | 'pipe' | 'socket' | 'device' | 'directory' | 'closed';

export function descriptorKind(fd: number): DescriptorKind {
  let stats: Stats;
  try {
    stats = fstatSync(fd);
  } catch {
    return 'closed';
  }
  if (stats.isFile()) return 'file';
  if (stats.isFIFO()) return 'pipe';
  if (stats.isSocket()) return 'socket';
  if (stats.isDirectory()) return 'directory';
  return 'device';
}

/** Whether it can be read from: under nohup, standard input is open for writing only. */
export function isReadable(fd: number): boolean {
  return isOpenFor(() => readvSync(fd, [new Uint8Array(0)]));
}

function isOpenFor(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EBADF';
  }
}

/**
 * The stream of an open pipe or socket, which becomes non-blocking. It closes the descriptor when it is destroyed.
 *
 * @throws an `ESOCKTNOSUPPORT` error where it is a socket that keeps messages apart, as those of UDP do
 */
export function socketOn(fd: number, options: net.SocketConstructorOpts): net.Socket {
  try {
    return new net.Socket({ ...options, fd });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_FD_TYPE') throw error;
    const syscall = options.readable ? 'read' : 'write';
    throw Object.assign(new Error('is no stream'), { code: 'ESOCKTNOSUPPORT', syscall, cause: error });
  }
}

export function isSameFile(one: number, two: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(two)];
  return a.dev === b.dev && a.ino === b.ino;
}

/**
 * Writes to a file, waiting for the disk. A write that is cut short (on a disk that fills, at a limit of the file's size)
 * is followed by another one, which says why.
 */
export function writeAllSync(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

/**
 * Opens what a descriptor leads to once more. Event loops need descriptors that do not block; but that is a property of
 * the open file, which neighbours in a shell share: for them it must stay as it was. Returns `undefined` where the system
 * cannot do it: it has no /proc, the file belongs to somebody else, it is a socket.
 *
 * @throws an `EPIPE` error where it is a pipe to be written, and nobody has it open for reading
 */
export function reopen(fd: number, access: 'read' | 'write'): number | undefined {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${fd}`, (access === 'read' ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO' || descriptorKind(fd) !== 'pipe') return undefined;
    throw Object.assign(new Error('nobody reads this pipe'), { code: 'EPIPE', syscall: 'write' });
  }
}

/**
 * Whether standard output was closed when this process began (`>&-` in a shell). Node opens the null device in its place,
 * for reading and writing. Shells that discard output (`>/dev/null`) open it for writing only. Programs that discard it, as
 * Node and Python, open it for both, which looks the same: it counts as closed, as a needless error loses no data. Where
 * they discard all output, standard error is the same. A pipe that is open for reading only counts as closed, too:
 * {@link reopen} would write to it.
 */
export function outputWasClosed(): boolean {
  if (descriptorKind(1) === 'pipe') return !isOpenFor(() => writevSync(1, [new Uint8Array(0)]));
  return isStandIn(1) && !isStandIn(2);
}

/** What writing to it fails with then. */
export function closedOutput(): Error {
  return Object.assign(new Error('standard output is closed'), { code: 'EBADF', syscall: 'write' });
}

function isStandIn(fd: number): boolean {
  try {
    return fstatSync(fd).rdev === NULL_DEVICE && descriptorInfo(fd)?.access === constants.O_RDWR;
  } catch {
    return false;
  }
}

/** Linux: character device 1:3. */
const NULL_DEVICE = 0x103;

/** What Linux says of an open file: the position in it, in bytes, and how it was opened (`O_RDONLY` …). */
export function descriptorInfo(fd: number): { position: number; access: number } | undefined {
  try {
    const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    const [, position, flags] = /^pos:\t(\d+)\nflags:\t(\d+)$/m.exec(text) ?? [];
    return { position: Number(position), access: Number.parseInt(flags!, 8) & ACCESS_MODE };
  } catch {
    return undefined;
  }
}

const ACCESS_MODE = 3;
