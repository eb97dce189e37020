import net from 'node:net';
import { withResolvers } from '../../util/deferred.ts';
import { linkPath, listenAt } from './folder.ts';
import { Link, type LinkStream } from './link.ts';
import type { Mesh } from './mesh.ts';
import type { WorkerName } from '../worker-name.ts';
import { Peer } from './peer.ts';

/** From now on, workers that start later can reach this one. The folder is one that nobody else can enter. */
export async function awaitPeers(folder: string, name: WorkerName, mesh: Mesh): Promise<void> {
  const server = net.createServer((socket) => {
    let peer: Peer | undefined;
    const link = linkOver(
      socket,
      mesh,
      () => peer,
      (other) => {
        peer = new Peer(other, link, mesh.homeOf(other));
        mesh.add(peer);
        link.note({ is: 'met' });
      },
    );
  });
  await listenAt(server, linkPath(folder, name));
}

/** Connects to workers that have started earlier; resolves when each of them knows this one, or has died. */
export async function meetPeers(
  folder: string,
  name: WorkerName,
  others: readonly WorkerName[],
  mesh: Mesh,
): Promise<void> {
  await Promise.all(others.map((other) => meet(linkPath(folder, other), name, other, mesh)));
}

function meet(file: string, name: WorkerName, other: WorkerName, mesh: Mesh): Promise<void> {
  const { promise, resolve } = withResolvers<void>();
  const socket = net.connect({ path: file });
  const link = linkOver(socket, mesh, () => peer, undefined, resolve);
  const peer = new Peer(other, link, mesh.homeOf(other));
  socket.once('connect', () => {
    link.note({ is: 'worker', name });
    mesh.add(peer);
  });
  socket.once('close', () => resolve());
  return promise;
}

/** A link whose notes go to the mesh, from then on when `peer` is known. */
export function linkOver(
  socket: LinkStream,
  mesh: Mesh,
  peer: () => Peer | undefined,
  onWorker: (name: WorkerName) => void = () => undefined,
  onMet: () => void = () => undefined,
): Link {
  return new Link(socket, {
    onPost: (frame) => mesh.onPost(peer()!, frame),
    onTell: (to, frame) => mesh.onTell(peer()!, to, frame),
    onNote(note) {
      if (note.is === 'worker') onWorker(note.name);
      else if (note.is === 'met') onMet();
      else mesh.onNote(peer()!, note);
    },
    onRoom: mesh.onRoom,
    onClose() {
      const gone = peer();
      if (gone) mesh.remove(gone);
    },
  });
}
