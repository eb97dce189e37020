import { deserialize, serialize } from 'node:v8';
import type { Msg, Subscription } from '@nats-io/transport-node';
import { ChatosError, messageOf } from '../../errors.ts';
import type { NodeLease } from '../membership.ts';
import type { Claim, Member, Obstacle, SessionId } from '../../server/directory.ts';
import type { NamedSession } from '../../server/meant-sessions.ts';
import { errorOf, sentError, type Answers, type SentError } from '../workers/wire.ts';
import type { NatsMembership } from './nats-membership.ts';
import type { Seal } from './seal.ts';

/** A login that a session of another node wants to have, of which this node has a record. */
export interface WantedLogin {
  /** Of the record. */
  readonly key: string;
  readonly claim: Claim;
  /** When the claim was made: the revision of its first record, where it has that. */
  readonly since: number | undefined;
}

/** What one node may ask another: for each, the question and its answer, both of what a structured clone can copy. */
export type AskedByNode = {
  /** Who is in the way of a claim, if anybody still is: a ghost, or a login that is held for the same client, is not (P7a). */
  readonly obstacle: [WantedLogin, Obstacle | undefined];
  /** The sessions there that an operator means. */
  readonly find: [{ readonly who: readonly string[]; readonly isPattern: boolean }, readonly NamedSession[]];
  /** Ends sessions. */
  readonly kick: [readonly SessionId[], undefined];
  /** As {@link Here.breakChannels}. */
  readonly breakChannels: [Pick<Member, 'id' | 'key'>, number];
};

interface Question {
  /** The leases of the two nodes. */
  readonly from: string;
  readonly to: string;
  /** Counts what a node asks: what is sent again by somebody else is not answered again. */
  readonly number: number;
  readonly what: string;
  readonly question: unknown;
}

type Answer = { readonly answer: unknown } | { readonly error: SentError };

/** Questions and answers between the primaries of nodes, over NATS; sealed, as others may use the same NATS server. */
export class NodeAsking {
  readonly #membership: NatsMembership;
  readonly #seal: Seal;
  readonly #answers: Partial<Answers<AskedByNode>> = {};
  readonly #subscription: Subscription;
  /** The last number that was heard, by lease. */
  readonly #heard = new Map<string, number>();
  #lastNumber = 0;

  constructor(membership: NatsMembership, seal: Seal) {
    this.#membership = membership;
    this.#seal = seal;
    const { connection } = membership.broker;
    this.#subscription = connection.subscribe(subjectOf(membership.self.node), {
      callback: (error, message) => void (error ?? this.#onQuestion(message)),
    });
  }

  /** From now on, this node answers more. */
  answer(answers: Partial<Answers<AskedByNode>>): void {
    Object.assign(this.#answers, answers);
  }

  /**
   * Asks a node.
   *
   * @throws {ChatosError} what the other node throws; `CONNECTION_LOST` where it cannot be asked, `TIMED_OUT` where it does not
   *   answer
   */
  async ask<K extends keyof AskedByNode>(
    to: NodeLease,
    what: K,
    question: AskedByNode[K][0],
    timeoutMs: number,
  ): Promise<AskedByNode[K][1]> {
    this.#lastNumber += 1;
    const of = { from: this.#membership.self.epoch, to: to.epoch, number: this.#lastNumber };
    const subject = subjectOf(to.node);
    const asked = this.#seal.seal(subject, serialize({ ...of, what, question } satisfies Question));
    let reply: Msg;
    try {
      reply = await this.#membership.broker.connection.request(subject, asked, { timeout: Math.max(timeoutMs, 1) });
    } catch (error) {
      const isLate = (error as { readonly name?: unknown }).name === 'TimeoutError';
      const why = isLate ? `does not answer within ${timeoutMs / 1000} s` : `cannot be asked: ${messageOf(error)}`;
      throw new ChatosError(isLate ? 'TIMED_OUT' : 'CONNECTION_LOST', `the node ${to.node} ${why}`, { cause: error });
    }
    const opened = this.#seal.open(answerContext(of), reply.data);
    if (!opened) throw new ChatosError('CONNECTION_LOST', `the node ${to.node} has not answered: somebody else has`);
    const answer = deserialize(opened) as Answer;
    if ('error' in answer) throw errorOf(answer.error);
    return answer.answer as AskedByNode[K][1];
  }

  close(): void {
    this.#subscription.unsubscribe();
  }

  #onQuestion(message: Msg): void {
    const opened = this.#seal.open(message.subject, message.data);
    if (!opened) return;
    const asked = deserialize(opened) as Question;
    const { from, to, number, what, question } = asked;
    if (to !== this.#membership.self.epoch || number <= (this.#heard.get(from) ?? 0)) return;
    this.#heard.set(from, number);
    void this.#answer(what, question).then((answer) => this.#respond(message, asked, answer));
  }

  async #answer(what: string, question: unknown): Promise<Answer> {
    try {
      const answers = this.#answers as Readonly<Record<string, (question: unknown, handle: undefined) => unknown>>;
      const answer = Object.hasOwn(answers, what) ? answers[what] : undefined;
      if (!answer) throw new ChatosError('INVALID_ARGUMENT', `this node does not answer '${what}'`);
      return { answer: await answer(question, undefined) };
    } catch (error) {
      return { error: sentError(error) };
    }
  }

  #respond(message: Msg, to: Question, answer: Answer): void {
    const respond = (what: Answer): unknown => message.respond(this.#seal.seal(answerContext(to), serialize(what)));
    try {
      respond(answer);
    } catch (error) {
      // It may be too large, or the connection closed: then nobody hears this either.
      try {
        respond({ error: sentError(error) });
      } catch {
        return;
      }
    }
  }
}

/** Where a node is asked. */
function subjectOf(node: string): string {
  return `chatos.n.${node}`;
}

function answerContext({ from, number }: Pick<Question, 'from' | 'number'>): string {
  return `answer ${from} ${number}`;
}
