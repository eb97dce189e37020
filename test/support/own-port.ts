/**
 * Ports of a test's own, for a server that ends and is started again at the same address, or where nobody shall listen. The
 * system gives a port that was free to the next that asks for any (port 0), or as the near end of a connection: to a server
 * or a client of another test. It never gives these.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { aroundEachFile } from './each-file.ts';

/** Linux gives ports from here on, macOS and Windows from 49152 on. */
const LOWEST_GIVEN = 32_768;
const LOWEST = 10_000;
/** So few are not enough for tests that run at the same time. */
const MIN_COUNT = 2_000;

/** Ports that the system does not give, from an even one; the end is not among them. */
export function portsNotGiven(given = portsGiven()): { readonly from: number; readonly to: number } {
  const below = { from: LOWEST, to: given.from };
  const above = { from: given.to + (given.to % 2), to: 65_536 };
  return [below, above].find(({ from, to }) => to - from >= MIN_COUNT) ?? { from: LOWEST, to: LOWEST_GIVEN };
}

/** Those that the system gives; the end is not among them. */
function portsGiven(): { readonly from: number; readonly to: number } {
  if (process.platform !== 'linux') return { from: LOWEST_GIVEN, to: 65_536 };
  const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
  return { from: first!, to: last! + 1 };
}

const { from, to } = portsNotGiven();
const pairs = Math.floor((to - from) / 2);
// Processes begin far from each other: what a test has left behind does not meet the next one.
let turn = process.pid * 331;

/** What holds a port: a server at the port behind it, which another process would have to start first. */
const marks = new Set<Server>();
aroundEachFile({
  async end() {
    const over = [...marks];
    marks.clear();
    await Promise.all(over.map(close));
  },
});

/** An even port of 127.0.0.1 where nobody listens. It is this test file's own until all its tests are over. */
export async function ownPort(): Promise<number> {
  for (let attempt = 0; attempt < pairs; attempt += 1) {
    const port = from + 2 * (turn++ % pairs);
    const mark = await listen(port + 1);
    if (!mark) continue;
    const server = await listen(port);
    if (!server) {
      await close(mark);
      continue;
    }
    marks.add(mark);
    await close(server);
    return port;
  }
  throw new Error(`no port from ${from} to ${to} is free`);
}

/** As a server of this machine is given it. */
export async function ownAddress(): Promise<string> {
  return `127.0.0.1:${await ownPort()}`;
}

/** Does not keep the process alive. Resolves with nothing where the port is taken. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy()).unref();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return server;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') return undefined;
    throw error;
  }
}

async function close(server: Server): Promise<void> {
  await once(server.close(), 'close');
}
