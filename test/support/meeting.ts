/** A cluster of one node, on this machine, which servers of tests join. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NatsServer } from './nats-server.ts';
import { ServeProcess } from './serve-process.ts';

/** What makes a server a node of it. */
export interface Membership {
  readonly broker: string;
  readonly node: string;
  readonly peer: string;
  readonly secretFile: string;
}

let kept: Promise<string> | undefined;

export class Meeting {
  readonly #nats: NatsServer;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-meeting-'));
  readonly #secret = path.join(this.#folder, 'secret');
  readonly #other: ServeProcess;
  #nodes = 0;

  private constructor(nats: NatsServer, more: object) {
    this.#nats = nats;
    writeFileSync(this.#secret, 'the secret of a test', { mode: 0o600 });
    const section = { cluster: { ...this.join(), ...more } };
    this.#other = new ServeProcess({ folder: this.#folder, section, listen: ['127.0.0.1:0'] });
  }

  /** The node that is there has `more` in its section `cluster`, as others should. The first one takes as long as a lease. */
  static async begin(more: object = {}): Promise<Meeting> {
    kept ??= Meeting.#aged(more);
    const made = new Meeting(await NatsServer.start({ data: await kept }), more);
    await made.#other.ready();
    return made;
  }

  /**
   * What NATS has when a cluster has been there for as long as a lease: users can log in at once then, as its data is not new.
   * Returns the folder of that.
   */
  static async #aged(more: object): Promise<string> {
    const nats = await NatsServer.start();
    const first = new Meeting(nats, more);
    await first.#other.ready();
    await first.#other.end();
    await nats.kill();
    rmSync(first.#folder, { recursive: true, force: true });
    process.on('exit', () => nats.forget());
    return nats.folder;
  }

  join(node = `node-${++this.#nodes}`): Membership {
    return { broker: this.#nats.url, node, peer: '127.0.0.1:0', secretFile: this.#secret };
  }

  async end(): Promise<void> {
    await this.#other.end();
    await this.#nats.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
