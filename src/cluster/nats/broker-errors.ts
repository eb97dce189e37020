import { ChatosError, messageOf } from '../../errors.ts';

/** What a client has shown to say who it is, and what it wants of the server. */
export interface Shown {
  readonly hasUser: boolean;
  readonly hasCa: boolean;
  readonly hasCert: boolean;
  /** Whether the address says `tls://`. */
  readonly isTls: boolean;
  /** It was waited for so long. */
  readonly timeoutMs: number;
}

/** All that a node may have to publish or to subscribe to. */
const SUBJECTS = '$JS.API.>, $JS.FC.>, $KV.>, chatos.n.* and _INBOX.>';

const GIVE_CREDENTIALS =
  'give a user and password, or a token, in its address (nats://user:password@host or nats://token@host, in serve.cluster.broker), or a file of credentials (serve.cluster.credentials)';

/** The NATS server could not be connected to. */
export function connectError(hosts: readonly string[], error: unknown, shown: Shown): ChatosError {
  const at = hosts.join(', ');
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  if (name === 'AuthorizationError' || name === 'UserAuthenticationExpiredError') {
    const message = `the NATS server at ${at} ${refusedBecause(shown, messageOf(error))}`;
    return new ChatosError('NOT_PERMITTED', message, { cause: error });
  }
  if (typeof code === 'string' && /CERT|SELF_SIGNED|ALTNAME|VERIFY|^ERR_SSL/.test(code)) {
    const message = `the TLS of the NATS server at ${at} is not trusted${trustHint(code, messageOf(error), shown)}`;
    return new ChatosError('NOT_TRUSTED', message, { cause: error });
  }
  return new ChatosError('CONNECT_FAILED', unreached(at, error, shown), { cause: error });
}

/** It answers, and has no JetStream. */
export function noJetStream(hosts: readonly string[], error: unknown): ChatosError {
  const message = `the NATS server at ${hosts.join(', ')} has no JetStream for this client: start it with --jetstream, or allow it for the account`;
  return new ChatosError('CONNECT_FAILED', message, { cause: error });
}

/** The error where something failed because the user of NATS may not use a subject; else `undefined`. */
export function notPermitted(error: unknown): ChatosError | undefined {
  const why = violationIn(error);
  return why === undefined ? undefined : permissionError(why, error);
}

export function permissionError(why: string, cause?: unknown): ChatosError {
  const message = `NATS does not permit its user all that a node does: ${why}; let it publish and subscribe to ${SUBJECTS}`;
  return new ChatosError('NOT_PERMITTED', message, { cause });
}

/** What the user of NATS was not permitted, in the words of NATS: from an error, or from what has caused it. */
export function violationIn(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    // The rest of an inbox is another one each time.
    if (each.name === 'PermissionViolationError') return each.message.replace(/(_INBOX\.)[^"]*/, '$1>');
  }
  return undefined;
}

function refusedBecause({ hasUser, hasCert }: Shown, why: string): string {
  if (hasUser) return `refuses the credentials: ${why}`;
  if (hasCert)
    return `refuses the certificate of this client (serve.cluster.tls.cert), or requires credentials: ${GIVE_CREDENTIALS}`;
  return `requires credentials, and none are given: ${GIVE_CREDENTIALS}`;
}

function trustHint(code: string, why: string, { hasCa }: Shown): string {
  // What follows is advice of Node.js to those who start it by themselves.
  const said = why.replace(/; if the root CA.*/s, '');
  if (code.startsWith('ERR_SSL')) return `, or it does not trust this client: ${said}`;
  if (!/SELF_SIGNED|UNABLE_TO/.test(code)) return `: ${said}`;
  return hasCa
    ? `: ${said}; serve.cluster.tls.ca has another authority than the one that signed its certificate`
    : `: ${said}; name the file of the authority that signed its certificate in serve.cluster.tls.ca`;
}

function unreached(at: string, error: unknown, { hasCert, isTls, timeoutMs }: Shown): string {
  const why = messageOf(error);
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  if (why.includes("does not support 'tls'")) {
    const instead = isTls ? 'give its address as nats://, not tls://' : 'take serve.cluster.tls out';
    return `the NATS server at ${at} has no TLS: ${instead}, or let it have TLS`;
  }
  if (name === 'TimeoutError') {
    const ofTls = hasCert
      ? 'does not trust the certificate of this client (serve.cluster.tls.cert)'
      : 'wants a certificate of its clients (serve.cluster.tls.cert and key)';
    return `the NATS server at ${at} does not answer in ${timeoutMs / 1000} s: it hangs, a firewall is in between, or it ${ofTls}`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `there is no machine for the NATS server at ${at}: ${why}`;
  if (why.includes('unexpected response')) return `what answers at ${at} is no NATS server: ${why}`;
  return `no NATS server at ${at}: ${why}; start one, as nats-server --jetstream`;
}
