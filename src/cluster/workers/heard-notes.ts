import type { Here } from '../../server/others.ts';
import type { LinkNote } from './link.ts';
import type { Peer } from './peer.ts';
import { RemoteClient } from './remote-client.ts';
import type { Requests } from './requests.ts';
import type { WorkerDirectory } from './worker-directory.ts';

export interface HeardNotesParts {
  readonly directory: WorkerDirectory;
  readonly requests: Requests;
  /** The server of this worker. */
  readonly here: () => Here;
  /** As of {@link Mesh}. */
  readonly onTell: (peer: Peer, to: string, frame: Buffer) => void;
}

/** What other workers say to this one, beside the packets for its clients, and what comes of it. */
export class HeardNotes {
  readonly #parts: HeardNotesParts;

  constructor(parts: HeardNotesParts) {
    this.#parts = parts;
  }

  hear(peer: Peer, note: LinkNote): void {
    const { directory, requests, here, onTell } = this.#parts;
    switch (note.is) {
      case 'added':
        return directory.addElsewhere(new RemoteClient(note.client, peer), note.granted);
      case 'left':
        directory.leftElsewhere(note);
        return here().left(note.id);
      case 'request':
        return this.#onRequest(new RemoteClient(note.requester, peer), note.key);
      case 'pending':
        if (directory.session(note.requester)) requests.add(note.requester, note.target, peer);
        return undefined;
      case 'done':
        requests.delete(note.requester, note.key, peer);
        return note.answer && onTell(peer, note.requester, note.answer);
      case 'behind':
        return here().behind(note.client, note.isBehind);
      case 'flush':
        void directory.session(note.id)?.flush();
        return peer.link.note({ is: 'flushed', question: note.question });
      case 'flushed':
        return peer.onAnswer(note.question);
      case 'close':
        here()
          .close(note.by, note.closing)
          .then((closed) => peer.link.note({ is: 'closed', closed, question: note.question }))
          .catch(() => undefined);
        return undefined;
      case 'closed':
        return peer.onAnswer(note.question, note.closed);
      case 'id': {
        const { id, question } = note;
        const isHere = directory.session(id.requester) !== undefined;
        const counted = isHere ? here().countId(peer.number, id, question === undefined) : 'left';
        if (question !== undefined) peer.link.note({ is: 'counted', counted, question });
        return undefined;
      }
      case 'counted':
        return peer.onAnswer(note.question, note.counted);
      case 'idOver':
        return here().discountId(note.connectId);
      case 'sources':
        return here().hear(peer.number, note.news);
      case 'unanswered':
        return here().unanswered(note.session, note.address);
      case 'channel':
        if (note.isOpen) return peer.channels.opened(note.id, note.pair);
        peer.channels.ended(note.id);
        return here().channelEnded(note.pair);
      default:
        return undefined;
    }
  }

  #onRequest(requester: RemoteClient, key: string): void {
    const target = this.#parts.directory.here(key);
    if (!target) return requester.at.link.note({ is: 'done', requester: requester.id, key });
    const { id, login } = target;
    // Before the answer: a limit may give it at once.
    requester.at.link.note({ is: 'pending', requester: requester.id, target: { id, login, key } });
    return this.#parts.here().requested(requester, target);
  }
}
