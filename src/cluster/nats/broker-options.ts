import { ChatosError } from '../../errors.ts';

/** How the NATS server is reached. */
export interface BrokerOptions {
  /** Its addresses, as `nats://127.0.0.1:4222` or `tls://user:password@nats.example.org`: those of one cluster of servers. */
  readonly servers: readonly string[];
  /** @default that of the addresses, if any */
  readonly user?: string | undefined;
  /** @default that of the addresses, if any */
  readonly password?: string | undefined;
  /** In place of a user. */
  readonly token?: string | undefined;
  /** A file of credentials, as `nsc` makes them, in place of a user. */
  readonly credsFile?: string | undefined;
  /** What TLS is to use. @default the authorities of Node.js, where the server has TLS */
  readonly tls?: BrokerTls | undefined;
  /** On how many servers of a NATS cluster records are. @default 1 */
  readonly replicas?: 1 | 3 | 5 | undefined;
}

/** Files in PEM. */
export interface BrokerTls {
  /** The authorities that sign the server's certificate. */
  readonly caFile?: string | undefined;
  /** The certificate of this client. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** What the addresses say. */
export interface ReadServers {
  /** As `127.0.0.1:4222`; these may be shown. */
  readonly hosts: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly isTls: boolean;
}

const DEFAULT_PORT = '4222';

/** @throws {ChatosError} `INVALID_ARGUMENT` */
export function readServers(servers: readonly string[]): ReadServers {
  const urls = servers.flatMap((each) => each.split(',')).map(readServer);
  const [first] = urls;
  if (!first) throw invalid('there is no address of a NATS server; give one as nats://127.0.0.1:4222');
  const [user, password] = [first.username, first.password].map((text) => decodeURIComponent(text) || undefined);
  return {
    hosts: urls.map(({ hostname, port }) => `${hostname}:${port || DEFAULT_PORT}`),
    // What stands before the `@` alone is a token.
    ...(password === undefined ? { user: undefined, password, token: user } : { user, password, token: undefined }),
    isTls: urls.some(({ protocol }) => protocol === 'tls:'),
  };
}

function readServer(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  const isPlain = url && url.hostname !== '' && ['', '/'].includes(url.pathname) && url.search + url.hash === '';
  if (isPlain && ['nats:', 'tls:'].includes(url.protocol)) return url;
  // What stands before the `@` is secret.
  const shown = text.trim().replace(/(\w+:\/\/)?[^]*@/, '$1…@');
  throw invalid(`'${shown}' is not the address of a NATS server; one is as nats://127.0.0.1:4222`);
}

function invalid(message: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', message);
}
