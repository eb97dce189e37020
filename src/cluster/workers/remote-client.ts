import { encodePacket } from '../../protocol/encoder.ts';
import type { LongBytes } from '../../protocol/limits.ts';
import type { Packet } from '../../protocol/packets.ts';
import type { ConnectedClient, SessionId } from '../../server/directory.ts';
import { loginKey } from '../../util/login-key.ts';
import type { SentClient } from './link.ts';
import type { Peer } from './peer.ts';

/** A client of another worker. */
export class RemoteClient implements ConnectedClient {
  readonly isElsewhere = true;
  readonly id: SessionId;
  readonly login: string;
  readonly key: string;
  readonly remoteAddress: string;
  readonly fingerprint: string | undefined;
  readonly longBytes: LongBytes;
  /** The worker that it is with. */
  readonly at: Peer;

  constructor({ id, login, key, remoteAddress, fingerprint, longBytes }: SentClient, at: Peer) {
    this.id = id;
    this.login = login;
    this.key = key;
    this.remoteAddress = remoteAddress;
    this.fingerprint = fingerprint;
    this.longBytes = longBytes;
    this.at = at;
  }

  send(packet: Packet): void {
    const bytes = encodePacket(packet, this.longBytes);
    if (packet.type !== 'KO_PRIVATE' && packet.type !== 'ID_PRIVATE') return this.sendBytes(bytes);
    // Its worker counts the requests that wait for their answer here.
    this.at.link.note({ is: 'done', requester: this.id, key: loginKey(packet.loginTarget), answer: bytes });
  }

  sendBytes(frame: Buffer): void {
    this.at.link.tell(this.id, frame);
  }

  flush(): Promise<void> {
    return this.at.ask((question) => ({ is: 'flush', id: this.id, question }), undefined);
  }
}

/** A client of this worker, as others are told of it. */
export function sentClient({ id, login, key, remoteAddress, fingerprint, longBytes }: ConnectedClient): SentClient {
  return { id, login, key, remoteAddress, fingerprint, longBytes, encrypted: false };
}
