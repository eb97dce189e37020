import type { Logger } from '../util/log.ts';
import { Broadcast } from './broadcast.ts';
import { Channels } from './channels/channels.ts';
import { InMemoryDirectory, type Directory } from './directory.ts';
import { Negotiations } from './negotiation.ts';
import type { ResolvedServerOptions } from './options.ts';
import type { Session } from './session.ts';

/** What the sessions of a server share: everything a packet's handler can act upon. */
export class Hub {
  readonly options: ResolvedServerOptions;
  readonly log: Logger;
  readonly directory: Directory = new InMemoryDirectory();
  readonly broadcast = new Broadcast();
  readonly negotiations: Negotiations;
  readonly channels: Channels;
  /** Main connections, identified or not. */
  readonly sessions = new Set<Session>();
  /** Since the server started. */
  readonly counters = { accepted: 0, messages: 0, malformed: 0, forbidden: 0, slow: 0 };

  constructor(options: ResolvedServerOptions) {
    this.options = options;
    this.log = options.log;
    this.negotiations = new Negotiations(options.limits);
    this.channels = new Channels(options);
  }

  /** TCP connections, halves included. */
  get connections(): number {
    return this.sessions.size + this.channels.connections;
  }
}
