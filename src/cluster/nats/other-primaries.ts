import { isMeant, type NamedSession } from '../../server/meant-sessions.ts';
import type { FoundElsewhere, OperatedServer, OtherNodes } from '../../server/operated-server.ts';
import type { Member } from '../../server/directory.ts';
import type { Membership } from '../membership.ts';
import type { AskedByNode, NodeAsking } from './node-asking.ts';

/** An operator does not wait longer for a node, in milliseconds. */
const ANSWER_MS = 2_000;
/** One that ends a session asks the others for its private connections first, and its own workers. */
const KICK_MS = 3 * ANSWER_MS;

/** This node, as others ask it. */
export interface AskedServer extends Pick<OperatedServer, 'sessions' | 'kick'> {
  /** Ends the private connections of a login that are here. Returns how many. */
  breakChannels(kicked: Pick<Member, 'id' | 'key'>): Promise<number>;
}

/** The other nodes of a cluster, as an operator of this one reaches them: over NATS. */
export class OtherPrimaries implements OtherNodes {
  readonly #membership: Membership;
  readonly #asking: NodeAsking;

  constructor(membership: Membership, asking: NodeAsking) {
    this.#membership = membership;
    this.#asking = asking;
  }

  /** From now on, others may ask this node the same. */
  answerFor(server: AskedServer): void {
    this.#asking.answer({
      find: async ({ who, isPattern }) => {
        const wanted = who.map((name) => isMeant(name, isPattern));
        const sessions = await server.sessions();
        return sessions
          .filter((session) => wanted.some((is) => is(session)))
          .map(({ id, login, remoteAddress }): NamedSession => ({ id, login, remoteAddress }));
      },
      kick: async (ids) => {
        await Promise.all(ids.map(async (id) => server.kick(id)));
        return undefined;
      },
      breakChannels: (kicked) => server.breakChannels(kicked),
    });
  }

  async find(who: readonly string[], isPattern: boolean): Promise<FoundElsewhere> {
    const { answers, silent } = await this.#askAll('find', { who, isPattern });
    return { sessions: answers.flatMap(({ node, answer }) => answer.map((each) => ({ ...each, node }))), silent };
  }

  async kick(node: string, ids: readonly string[]): Promise<void> {
    const lease = this.#membership.others.find((each) => each.node === node);
    if (lease) await this.#asking.ask(lease, 'kick', ids, KICK_MS);
  }

  async breakChannels(kicked: Pick<Member, 'id' | 'key'>): Promise<number> {
    const { answers } = await this.#askAll('breakChannels', kicked);
    return answers.reduce((sum, { answer }) => sum + answer, 0);
  }

  async #askAll<K extends keyof AskedByNode>(what: K, question: AskedByNode[K][0]) {
    const silent: string[] = [];
    const all = await Promise.all(
      this.#membership.others.map(async (lease) => {
        try {
          return [{ node: lease.node, answer: await this.#asking.ask(lease, what, question, ANSWER_MS) }];
        } catch {
          silent.push(lease.node);
          return [];
        }
      }),
    );
    return { answers: all.flat(), silent };
  }
}
