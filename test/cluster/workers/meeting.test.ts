import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { linkPath } from '../../../src/cluster/workers/folder.ts';
import { meetPeers } from '../../../src/cluster/workers/meeting.ts';
import type { Mesh } from '../../../src/cluster/workers/mesh.ts';

const [SELF, OTHER] = [
  { slot: 0, number: 1 },
  { slot: 1, number: 1 },
];

it.each([
  ['that has died', false],
  ['that dies as it is met', true],
])('a worker %s holds up nobody', async (_, listens) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-meeting-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  if (listens) {
    const server = net.createServer((socket) => socket.destroy()).listen(linkPath(folder, OTHER));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
  }
  const [add, remove] = [vi.fn<Mesh['add']>(), vi.fn<Mesh['remove']>()];
  const mesh = { homeOf: () => 0, onRoom: () => undefined, add, remove } as unknown as Mesh;
  await meetPeers(folder, SELF, [OTHER], mesh);
  expect(add).toHaveBeenCalledTimes(listens ? 1 : 0);
  await vi.waitFor(() => expect(remove).toHaveBeenCalled());
});
