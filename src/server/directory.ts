import type { Packet } from '../protocol/packets.ts';
import { loginKey } from '../util/login-key.ts';

/** A client that is identified, as the others reach it. */
export interface ConnectedClient {
  /** As the client sent it. */
  readonly login: string;
  /** As logins are compared (P7). */
  readonly key: string;
  /** Width of a LONG for this client (P1). */
  readonly longBytes: 4 | 8;
  /** Queues a packet for the client. */
  send(packet: Packet): void;
  /** Queues bytes that are whole packets already. */
  sendBytes(frame: Buffer): void;
  /** Hands everything queued to the operating system now. */
  flush(): void;
}

/** Who is identified under which login. A cluster's directory would be a second implementation. */
export interface Directory {
  readonly size: number;
  /** Takes the login for the member; false where somebody has it. */
  claim(member: ConnectedClient): boolean;
  /** Frees the login, if it is this member's. */
  release(member: ConnectedClient): void;
  find(login: string): ConnectedClient | undefined;
}

export class InMemoryDirectory implements Directory {
  readonly #members = new Map<string, ConnectedClient>();

  get size(): number {
    return this.#members.size;
  }

  claim(member: ConnectedClient): boolean {
    if (this.#members.has(member.key)) return false;
    this.#members.set(member.key, member);
    return true;
  }

  release(member: ConnectedClient): void {
    if (this.#members.get(member.key) === member) this.#members.delete(member.key);
  }

  find(login: string): ConnectedClient | undefined {
    return this.#members.get(loginKey(login));
  }
}
