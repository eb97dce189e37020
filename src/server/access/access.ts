import type { LoginRefusal } from '../directory.ts';
import type { ConnectionRefusal } from '../events.ts';
import { skeletonsOf } from '../logins/look-alikes.ts';
import type { AccessOptions } from './access-options.ts';
import { Bans, type Ban, type BanKind } from './bans.ts';
import { compileAccess, connectRefusal, loginRefusal, type AccessRules, type Peer } from './login-rules.ts';

/**
 * The only place that answers whether somebody may come in. Who is in stays in, whatever changes: what it says is asked
 * when a connection comes, and when a client wants a login.
 */
export class Access {
  /** Whom operators have banned while it runs: they come before everything else. */
  readonly bans = new Bans();
  #rules: AccessRules;
  #halves: 'anywhere' | 'parties';
  #version = 0;

  /** @throws {ChatosError} `INVALID_ARGUMENT` */
  constructor(options: AccessOptions = {}) {
    this.#rules = compileAccess(options);
    this.#halves = options.halves ?? 'anywhere';
  }

  /** Where a half may come from: anywhere, or only the address, or with the certificate, of one of its parties (P12). */
  get halves(): 'anywhere' | 'parties' {
    return this.#halves;
  }

  /** Another one each time that something has changed: an answer may not hold any more. */
  get version(): number {
    return this.#version;
  }

  /**
   * Replaces all settings; where one is invalid, the old ones stay.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`
   */
  update(options: AccessOptions): void {
    this.#rules = compileAccess(options);
    this.#halves = options.halves ?? 'anywhere';
    this.noteChange();
  }

  /** Some may be kept out now who were not. */
  noteChange(): void {
    this.#version += 1;
  }

  /** Why an address may not connect; asked before anything is set up for the connection. */
  mayConnect(from: string): Extract<ConnectionRefusal, 'banned' | 'denied' | 'not allowed'> | undefined {
    if (this.bans.hasAddress(from)) return 'banned';
    return connectRefusal(this.#rules, from)?.why as 'denied' | 'not allowed' | undefined;
  }

  /** What of a client with this login is banned. */
  #bannedOf(login: string, { from, fingerprint }: Peer): BanKind | undefined {
    const { bans } = this;
    if (bans.size === 0) return undefined;
    if (bans.hasAddress(from)) return 'from';
    if (bans.hasIdentity(fingerprint)) return 'identity';
    return bans.hasLogin(login, () => (this.#rules.lookAlikes ? skeletonsOf(login) : [])) ? 'login' : undefined;
  }

  /** What says whom a ban hits that is in force. */
  testOf(ban: Ban): (who: Pick<Peer, 'from' | 'fingerprint'> & { readonly login: string }) => boolean {
    const test = this.bans.testOf(ban);
    return (who) => test({ ...who, skeletons: () => (this.#rules.lookAlikes ? skeletonsOf(who.login) : []) });
  }

  /** Why a client may not have a login, be it free or not. The client learns that it is refused, and no more (P7). */
  mayLogin(login: string, peer: Peer): LoginRefusal | undefined {
    const kind = this.#bannedOf(login, peer);
    if (kind) return { why: 'banned', rule: `bans.${kind}` };
    const refusal = loginRefusal(this.#rules, login, peer);
    return refusal && { why: refusal.why, rule: refusal.rule };
  }
}
