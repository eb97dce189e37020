import { fstatSync, readFileSync } from 'node:fs';

/** Where Linux lists the sockets of a kind, and which columns of a line say what. */
const TABLES = [
  {
    file: 'unix',
    inode: 6,
    isListening: (columns: readonly string[]) => (Number.parseInt(columns[3]!, 16) & ACCEPTS) !== 0,
  },
  { file: 'tcp', inode: 9, isListening: (columns: readonly string[]) => columns[3] === TCP_LISTEN },
  { file: 'tcp6', inode: 9, isListening: (columns: readonly string[]) => columns[3] === TCP_LISTEN },
];
/** `__SO_ACCEPTCON` of linux/net.h. */
const ACCEPTS = 0x1_00_00;
/** `TCP_LISTEN` of net/tcp_states.h. */
const TCP_LISTEN = '0A';

/** Whether an open socket waits for connections: who reads from it waits for ever. Other systems than Linux do not say it. */
export function isListening(fd: number): boolean {
  const inode = String(fstatSync(fd).ino);
  for (const table of TABLES) {
    const columns = lineOf(inode, table.file, table.inode);
    if (columns) return table.isListening(columns);
  }
  return false;
}

function lineOf(inode: string, file: string, column: number): string[] | undefined {
  try {
    for (const line of readFileSync(`/proc/self/net/${file}`, 'latin1').split('\n')) {
      const columns = line.trim().split(/ +/);
      if (columns[column] === inode) return columns;
    }
  } catch {
    // A system without it.
  }
  return undefined;
}
