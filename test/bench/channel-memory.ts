import type { Socket } from 'node:net';
import { openHalf } from '../support/rfc-peer.ts';
import { medianOf, printTable, residentMiB } from './measure.ts';
import { withProcesses } from './servers/processes.ts';
import { startChatosRelay } from './servers/relays.ts';

const IDLE = 1_000;
const STUCK = 50;
const MIB = 2 ** 20;

/** What a channel costs that does nothing, and one whose receiver does not read. */
export async function benchChannelMemory(rounds: number): Promise<void> {
  const rows = [['', 'KiB each']];
  rows.push([`${IDLE} that are idle`, (await medianOf(rounds, () => memoryOf(IDLE, 'idle'))).toFixed(1)]);
  rows.push([
    `${STUCK} whose receiver does not read`,
    (await medianOf(rounds, () => memoryOf(STUCK, 'stuck'))).toFixed(1),
  ]);
  printTable('channel-memory: resident memory of the server', rows);
}

/** In KiB of the server's resident memory. */
function memoryOf(count: number, kind: 'idle' | 'stuck'): Promise<number> {
  return withProcesses(async (keep) => {
    const server = await keep(startChatosRelay());
    const pairs = await server.pairs(count);
    const before = residentMiB(server.pid);
    const halves: Socket[] = [];
    try {
      for (const [{ connectId }] of pairs) {
        const open = (): Promise<Socket> => openHalf(server.port, BigInt(connectId!));
        halves.push(...(await Promise.all([open(), open()])));
      }
      if (kind === 'stuck') {
        const chunk = Buffer.alloc(MIB);
        for (let n = 0; n < 16; n++) for (let i = 0; i < halves.length; i += 2) halves[i]!.write(chunk);
      }
      await settled(() => residentMiB(server.pid));
      return ((residentMiB(server.pid) - before) * 1024) / count;
    } finally {
      for (const half of halves) half.destroy();
    }
  });
}

/** Resolves when a figure has not grown for a second. */
async function settled(figure: () => number): Promise<void> {
  for (let last = -1, now = figure(); now > last; now = figure()) {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
