import { withResolvers } from '../../util/deferred.ts';
import type { PairInfo } from '../../server/events.ts';
import type { Closed } from '../../server/others.ts';
import type { Link, LinkNote } from './link.ts';
import type { WorkerName } from '../worker-name.ts';
import type { RemoteProcess } from './node-link.ts';

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
  /** Its channels: their parties may be clients of this worker. */
  readonly channels = new Map<string, PairInfo>();
  readonly #questions = new Map<number, (answer: Closed) => void>();
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

  /** Asks it something; what it has been asked is over when it has gone. */
  async ask(noteOf: (question: number) => LinkNote): Promise<void> {
    await this.askClosed(noteOf);
  }

  /** The same; the answer says what has come of a channel: where the worker has gone, that has ended. */
  askClosed(noteOf: (question: number) => LinkNote): Promise<Closed> {
    if (this.#isGone) return Promise.resolve('late');
    this.#lastQuestion += 1;
    const { promise, resolve } = withResolvers<Closed>();
    this.#questions.set(this.#lastQuestion, resolve);
    this.link.note(noteOf(this.#lastQuestion));
    return promise;
  }

  onAnswer(question: number, closed: Closed = 'ending'): void {
    this.#questions.get(question)?.(closed);
    this.#questions.delete(question);
  }

  /** It has gone. */
  close(): void {
    this.#isGone = true;
    for (const resolve of this.#questions.values()) resolve('late');
    this.#questions.clear();
  }
}
