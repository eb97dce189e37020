import { withResolvers } from '../../util/deferred.ts';
import type { Link, LinkNote } from './link.ts';
import type { WorkerName } from '../worker-name.ts';
import type { RemoteProcess } from './node-link.ts';
import { PeerChannels } from './peer-channels.ts';

let lastNumber = 0;

/** Another worker, and what is known of it here. */
export class Peer {
  readonly name: WorkerName;
  readonly link: Link;
  /** Its number among all processes of the server: which connect ids are its own. */
  readonly home: number;
  /** Where it is, if that is another node. */
  readonly elsewhere: RemoteProcess | undefined;
  /** Counts all that have been met: no other one has the same, not the next process in its place either. */
  readonly number: number;
  readonly channels = new PeerChannels();
  /** What is done with the answer to each; without one, with its being gone. */
  readonly #questions = new Map<number, (answer?: unknown) => void>();
  #lastQuestion = 0;
  #isGone = false;

  constructor(name: WorkerName, link: Link, home: number, elsewhere?: RemoteProcess) {
    this.name = name;
    this.link = link;
    this.home = home;
    this.elsewhere = elsewhere;
    lastNumber += 1;
    this.number = lastNumber;
  }

  /** Asks it something; the answer is `ifGone` where it has gone. */
  ask<A>(noteOf: (question: number) => LinkNote, ifGone: A): Promise<A> {
    if (this.#isGone) return Promise.resolve(ifGone);
    this.#lastQuestion += 1;
    const { promise, resolve } = withResolvers<A>();
    this.#questions.set(this.#lastQuestion, (answer = ifGone) => resolve(answer as A));
    this.link.note(noteOf(this.#lastQuestion));
    return promise;
  }

  onAnswer(question: number, answer?: unknown): void {
    this.#questions.get(question)?.(answer);
    this.#questions.delete(question);
  }

  /** It has gone. */
  close(): void {
    this.#isGone = true;
    for (const resolve of this.#questions.values()) resolve();
    this.#questions.clear();
  }
}
