import type { X509Certificate } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { Deadline } from '../util/deadlines.ts';
import { loginKey } from '../util/login-key.ts';
import { claimLogin, refusalOf, type Claim, type LoginRefusal, type Obstacle } from './directory.ts';
import type { Hub, OpenSession } from './hub.ts';
import type { Source } from './limits/source-account.ts';
import { skeletonsOf } from './logins/look-alikes.ts';
import { isTestId } from './self-test.ts';

/** A session that may not have said yet who it is. */
interface Newcomer extends OpenSession {
  readonly source: Source;
  readonly identified: boolean;
}

/** How a session comes to its login: in time (P12), if the operator's rules and its address let it, and the login is free. */
export class Identification {
  readonly #hub: Hub;
  readonly #session: Newcomer;
  readonly #certificate: X509Certificate | undefined;
  /** Its place among those that are not identified. */
  #deadline: Deadline;
  /** The version of the rules by which it was let in. */
  #admittedBy = 0;
  #refusals = 0;

  /** @param certificate the one that its client has shown */
  constructor(hub: Hub, session: Newcomer, certificate: X509Certificate | undefined) {
    this.#hub = hub;
    this.#session = session;
    this.#certificate = certificate;
    this.#deadline = hub.identifying.add(session);
  }

  /** It has said what it is, or has gone: its time ends no more. */
  end(): void {
    this.#hub.identifying.delete(this.#deadline);
  }

  claimOf(login: string): Claim {
    const { id, source, fingerprint } = this.#session;
    const skeletons = this.#hub.options.lookAlikes === 'allow' || this.#isTest ? [] : skeletonsOf(login);
    return { id, login, key: loginKey(login), skeletons, source: source.name, fingerprint };
  }

  /** Why it may not have the login, be it free or not. */
  refusal(login: string): LoginRefusal | undefined {
    const refusal = this.#barredFrom(login) ?? this.#overfull();
    if (!refusal) this.#admittedBy = this.#hub.access.version;
    return refusal;
  }

  /** Why it may not have the login any more that it might have had a moment ago. */
  lateRefusal(login: string): LoginRefusal | undefined {
    return this.barredMeanwhile(login) ?? this.#overfull();
  }

  /** What the operator has changed since then, and keeps it out. */
  barredMeanwhile(login: string): LoginRefusal | undefined {
    const { version } = this.#hub.access;
    if (version === this.#admittedBy) return undefined;
    this.#admittedBy = version;
    return this.#barredFrom(login);
  }

  refuse(login: string, { why, limit, rule }: LoginRefusal): void {
    this.#refusals += 1;
    this.#hub.events.emit('loginRefused', this.#session, login, why, this.#refusals, limit, rule);
    if (this.#session.identified) return;
    // It is not silent: its time begins again (P12).
    this.end();
    this.#deadline = this.#hub.identifying.add(this.#session);
  }

  get #isTest(): boolean {
    return isTestId(this.#session.id);
  }

  #barredFrom(login: string): LoginRefusal | undefined {
    if (this.#isTest) return undefined;
    const { remoteAddress: from, fingerprint } = this.#session;
    return this.#hub.access.mayLogin(login, { from, fingerprint, certificate: this.#certificate });
  }

  /** Why it may log in as nobody: it has come in beside all that its address may have, as a half might (P19). */
  #overfull(): LoginRefusal | undefined {
    if (this.#isTest || this.#hub.sources.mayLogin(this.#session.source)) return undefined;
    return { why: 'too many of its address', limit: 'maxConnectionsPerAddress' };
  }
}

/**
 * Asks the directory for a login. Resolves to why it is refused; to `undefined` where the client has it then. Never rejects
 * for what the directory does.
 *
 * @param barred why the client may not have it any more: asked when it would have it
 */
export async function takeLogin(
  hub: Hub,
  claim: Claim,
  barred: () => LoginRefusal | undefined,
): Promise<LoginRefusal | undefined> {
  try {
    let other = await claimLogin(hub.directory, claim);
    if (other && (await isOver(hub, claim, other))) other = await claimLogin(hub.directory, claim);
    if (other) return refusalOf(claim, other);
  } catch (error) {
    return { why: messageOf(error) };
  }
  return barred();
}

/**
 * Resolves to whether a session is over that was in the way: it is a ghost, or has ended, which may not have been known for
 * sure when the directory answered.
 */
async function isOver({ directory }: Hub, claim: Claim, other: Obstacle): Promise<boolean> {
  const client = directory.find(other.login);
  if (client?.id !== other.id) return !other.held;
  return (await client.endIfGhost?.(claim)) === true;
}
