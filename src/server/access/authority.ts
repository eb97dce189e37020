import { X509Certificate } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { certificatesIn } from '../../net/pem.ts';
import { loginKey } from '../../util/login-key.ts';
import { namesOf } from './certificate-names.ts';

/** Certificates that a client may show between its own and the authority's. */
const MAX_BETWEEN = 4;

/** Extended key usages (RFC 5280, 4.2.1.12): for TLS clients, and for anything. */
const FOR_CLIENTS: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']);

/** The object identifier of name constraints (RFC 5280, 4.2.1.10), in DER. */
const NAME_CONSTRAINTS = Buffer.from('0603551d1e', 'hex');

/**
 * What clients have shown between their certificates and an authority that has vouched for them, by the certificates: who
 * resumes a session of TLS shows it no more. Of more clients, those who came first show it again.
 */
const between = new Map<string, readonly X509Certificate[]>();
const MAX_REMEMBERED = 1_024;

/** A certificate that a client shows, and those behind it, where they are known otherwise than by the connection. */
export interface Shown {
  readonly certificate: X509Certificate;
  readonly shown?: readonly X509Certificate[] | undefined;
}

/** The authorities of a rule: who may say by a certificate which login a client has. */
export class Authority {
  readonly #certificates: readonly X509Certificate[];
  /** What was found out about a certificate: a client may try many logins with it. */
  readonly #chains = new WeakMap<X509Certificate, readonly X509Certificate[] | null>();

  /**
   * @param pem their certificates
   * @throws {Error} where there is none, or one is of no authority
   */
  constructor(pem: string) {
    const texts = certificatesIn(pem);
    if (texts.length === 0) throw new Error('there is no certificate in it');
    this.#certificates = texts.map((text) => {
      let certificate: X509Certificate;
      try {
        certificate = new X509Certificate(text);
      } catch (error) {
        throw new Error(`a certificate in it cannot be read: ${messageOf(error)}`, { cause: error });
      }
      if (!certificate.ca) throw new Error(`it has a certificate that is of no authority: ${subjectOf(certificate)}`);
      return certificate;
    });
  }

  /**
   * Why a certificate does not say that its owner is a client with this login; `undefined` where it does. The authorities
   * must have issued it, themselves or through others that the client shows; all of them must be in date; it must be for
   * clients where it says what it is for; and one of its names must be the login, letter by letter.
   */
  problemWith({ certificate, shown }: Shown, login: string, now: number = Date.now()): string | undefined {
    const chain = this.#chainOf(certificate, shown);
    if (!chain) return 'its certificate is of another authority';
    for (const each of chain) {
      const problem = dateProblem(each, now);
      if (problem !== undefined) return `${each === certificate ? 'its' : "its authority's"} certificate ${problem}`;
    }
    if (!isForClients(certificate)) return 'its certificate is not for clients';
    const key = loginKey(login);
    return namesOf(certificate).some((name) => loginKey(name) === key) ? undefined : 'its certificate has another name';
  }

  #chainOf(certificate: X509Certificate, shown?: readonly X509Certificate[]): readonly X509Certificate[] | null {
    let chain = this.#chains.get(certificate);
    if (chain === undefined) {
      chain = this.#findChain(certificate, shown ?? shownWith(certificate));
      this.#chains.set(certificate, chain);
      if (chain) remember(certificate, chain.slice(1, -1));
    }
    return chain;
  }

  /** The certificate, and those that lead to an authority, which is the last one; `null` where there is no such way. */
  #findChain(certificate: X509Certificate, shown: readonly X509Certificate[]): readonly X509Certificate[] | null {
    const ways: (readonly X509Certificate[])[] = [[certificate]];
    for (const way of ways) {
      const last = way.at(-1)!;
      // From the top: what a stranger has made up costs one look at a signature. An authority may have had several keys.
      const authority = this.#certificates.find((each) => last.checkIssued(each) && isSigned([...way, each]));
      if (authority) return [...way, authority];
      const issuers = shown.filter((each) => !way.includes(each) && last.checkIssued(each) && mayIssue(each));
      ways.push(...issuers.map((issuer) => [...way, issuer]));
    }
    return null;
  }
}

/** The certificates that the client has shown behind its own, in whatever order. */
function shownWith(certificate: X509Certificate): readonly X509Certificate[] {
  const shown: X509Certificate[] = [];
  for (let next = certificate.issuerCertificate; next && shown.length < MAX_BETWEEN; next = next.issuerCertificate) {
    shown.push(next);
  }
  return shown.length > 0 ? shown : (between.get(certificate.fingerprint256) ?? []);
}

function remember({ fingerprint256 }: X509Certificate, shown: readonly X509Certificate[]): void {
  if (shown.length === 0) return;
  between.delete(fingerprint256);
  between.set(fingerprint256, shown);
  if (between.size > MAX_REMEMBERED) between.delete(between.keys().next().value!);
}

/**
 * Whether one that a client shows may issue certificates for clients. One with name constraints may not: that they are kept
 * is not checked here, so the authority would be taken at less than its word.
 */
function mayIssue(certificate: X509Certificate): boolean {
  return certificate.ca && isForClients(certificate) && !certificate.raw.includes(NAME_CONSTRAINTS);
}

/** Whether each is signed by the next. */
function isSigned(chain: readonly X509Certificate[]): boolean {
  for (let index = chain.length - 2; index >= 0; index -= 1) {
    try {
      if (!chain[index]!.verify(chain[index + 1]!.publicKey)) return false;
    } catch {
      // A kind of key that this Node does not know.
      return false;
    }
  }
  return true;
}

/** Left out is for anything. */
function isForClients({ keyUsage }: X509Certificate): boolean {
  const usages = keyUsage as readonly string[] | undefined;
  return usages === undefined || usages.some((usage) => FOR_CLIENTS.has(usage));
}

function dateProblem({ validFrom, validTo }: X509Certificate, now: number): string | undefined {
  // A date that cannot be read is over.
  if (!(now <= Date.parse(validTo))) return 'has expired';
  return now >= Date.parse(validFrom) ? undefined : 'is not valid yet';
}

function subjectOf({ subject }: X509Certificate): string {
  return subject.replaceAll('\n', ', ');
}
