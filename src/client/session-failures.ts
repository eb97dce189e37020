import { ChatosError } from '../errors.ts';
import { formatAddress, type Address } from '../net/address.ts';
import { handshakeFailure } from '../net/handshake-failure.ts';
import type { Identity } from '../net/identity.ts';
import { loginProblem } from '../protocol/login.ts';
import { quote } from '../util/quote.ts';

/** The first byte of a TLS alert: what a TLS port answers to plain bytes. */
const TLS_ALERT = 0x15;

/** LOGIN_REFUSED: the protocol has no reason for it, so what is known here is said. */
export function loginRefused(server: Address, login: string, identity: Identity | undefined): ChatosError {
  const name = formatAddress(server);
  const refused = `it is taken, looks like one in use, cannot be granted now by a cluster, or is not allowed${identityHint(server, identity)}`;
  const why = loginProblem(login) ?? refused;
  const message = `${name} refused the login '${login}': ${why}`;
  return new ChatosError('LOGIN_REFUSED', message, {
    fields: { login, server: name, identity: server.transport === 'tls' ? identity?.fingerprint : undefined },
  });
}

/** A server may have reserved the login for somebody's key. */
function identityHint({ transport }: Address, identity: Identity | undefined): string {
  if (transport !== 'tls') return identity ? '; no identity was shown, as the address is not tls://' : '';
  return identity
    ? ` to ${identity.fingerprint}`
    : '; no identity was shown, and the server may want one: chatosbot identity makes it';
}

/**
 * A server that takes no more connections closes them without a word: the protocol has none for it. Whether that is seen
 * as an end or as a reset is chance. One that speaks TLS may say that it does not like our certificate.
 */
export function turnedAway(
  server: Address,
  cause: ChatosError | undefined,
  identity: Identity | undefined,
): ChatosError {
  if (server.transport === 'tls' && cause?.cause instanceof Error) {
    const refused = handshakeFailure(server, cause.cause, identity !== undefined);
    if (refused?.code === 'NOT_TRUSTED') return refused;
  }
  const message =
    `${formatAddress(server)} closed the connection before it answered the login: it may be full or stopping, ` +
    'or allow no more connections from this address (its log names the limit)';
  return new ChatosError('CONNECTION_LOST', message, { cause, fields: cause?.fields ?? {} });
}

/** Bytes that could not be read are reported with the place that they came from, and with the most frequent reason. */
export function withServer(server: Address, error: ChatosError): ChatosError {
  if (error.code !== 'MALFORMED_PACKET') return error;
  const name = formatAddress(server);
  const { transport, host, port, longBytes } = server;
  if (transport === 'tcp' && error.fields['opcode'] === TLS_ALERT) {
    const secure = quote(formatAddress({ transport: 'tls', host, port, longBytes }));
    return new ChatosError('CONNECT_FAILED', `${name} speaks TLS: use ${secure}`, {
      cause: error,
      fields: { server: name },
    });
  }
  const message = `${name} does not speak ChatOS, or with another longBytes: ${error.message}`;
  return new ChatosError('MALFORMED_PACKET', message, { cause: error, fields: error.fields });
}

/** What was tried, and why it was of no use. */
export interface Unreached {
  readonly server: Address;
  /** `undefined` where no machine was found for its name. */
  readonly machine?: string;
  readonly error: ChatosError;
}

/** All addresses have failed. Where there is one reason, that is the error; else, each is named. */
export function noneReached(failures: readonly Unreached[]): ChatosError {
  const errors = failures.map(({ error }) => error);
  const last = errors.at(-1)!;
  if (errors.every(({ message }) => message === last.message)) return last;
  const code = errors.every((error) => error.code === last.code) ? last.code : 'CONNECT_FAILED';
  const list = new Set(failures.map((failure) => `${nameOf(failure, failures)} (${briefly(failure)})`));
  const message = `cannot connect to any address: ${[...list].join(', ')}`;
  return new ChatosError(code, message, { cause: new AggregateError(errors, message) });
}

/** With the machine, where the name of a server means several. */
function nameOf({ server, machine }: Unreached, all: readonly Unreached[]): string {
  const isOneOfSeveral = all.filter((other) => other.server === server).length > 1;
  return formatAddress(server) + (isOneOfSeveral ? ` at ${machine}` : '');
}

/** The reason in a few words: the message without the name, and without what to do. */
function briefly({ server, error: { message } }: Unreached): string {
  const name = formatAddress(server);
  const [reason = message] = message
    .replace(/^(?:cannot connect to|the server at) /, '')
    .replace(` from ${name}`, '')
    .replace(name, '')
    .replace(/^[: ]+/, '')
    .split(/[;:] /);
  return reason;
}
