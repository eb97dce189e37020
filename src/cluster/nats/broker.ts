import { X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { Kvm } from '@nats-io/kv';
import type { Authenticator, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { ChatosError, messageOf } from '../../errors.ts';
import { readInput } from '../../util/read-input.ts';
import { readServers, type BrokerOptions } from './broker-options.ts';

/** A server that does not answer within this is not there, in milliseconds. */
const CONNECT_MS = 3_000;
/** Between two attempts to connect again. */
const RECONNECT_MS = 250;
/** Servers that have started, or lost the one that leads, agree on another one within this, in milliseconds. */
const ELECTION_MS = 10_000;
/** Between two questions whether they have. */
const ASK_AGAIN_MS = 250;
/** The code of NATS for servers that have not agreed. */
const UNAVAILABLE = 10008;
/** Credentials and certificates are shorter. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** A record is on several servers safely from this version on: before it, several writers could win. */
const FIRST_WITH_REPLICAS = [2, 10, 23];

export type BrokerEvents = {
  /** Whether the NATS server can be reached; and why not. */
  readonly reachable: [isReachable: boolean, why: string | undefined];
};

/** A connection to a NATS server with JetStream; where it is lost, it is made again, however long that takes. */
export class Broker extends EventEmitter<BrokerEvents> {
  readonly connection: NatsConnection;
  readonly streams: JetStreamManager;
  readonly jetStream: JetStreamClient;
  readonly buckets: Kvm;
  readonly replicas: number;
  #isReachable = true;
  #connected = 1;

  private constructor(of: Pick<Broker, 'connection' | 'streams' | 'jetStream' | 'buckets' | 'replicas'>) {
    super();
    this.setMaxListeners(0);
    this.connection = of.connection;
    this.streams = of.streams;
    this.jetStream = of.jetStream;
    this.buckets = of.buckets;
    this.replicas = of.replicas;
    void this.#follow();
  }

  /**
   * Connects.
   *
   * @param name as the server lists it
   * @param answerMs what has no answer within this is not waited for
   * @throws {ChatosError} `CONNECT_FAILED` where there is no server, or one without JetStream; `NOT_PERMITTED` for wrong
   *   credentials, `NOT_TRUSTED` for its certificate, `INVALID_ARGUMENT` for what the options or the server's version do not
   *   allow
   */
  static async connect(options: BrokerOptions, name: string, answerMs: number): Promise<Broker> {
    const { hosts } = readServers(options.servers);
    const [{ jetstream, jetstreamManager }, { Kvm }] = await Promise.all([
      import('@nats-io/jetstream'),
      import('@nats-io/kv'),
    ]);
    const connection = await open(options, name, answerMs);
    const { replicas = 1 } = options;
    try {
      const { version = '' } = connection.info ?? {};
      if (replicas > 1 && isBefore(version, FIRST_WITH_REPLICAS)) {
        throw invalid(
          `${replicas} replicas need NATS ${FIRST_WITH_REPLICAS.join('.')} or later, and this is ${version}: ask for 1 (serve.cluster.replicas)`,
        );
      }
      const streams = await whenElected(() => jetstreamManager(connection, { timeout: answerMs }));
      const jetStream = jetstream(connection, { timeout: answerMs });
      return new Broker({ connection, streams, jetStream, buckets: new Kvm(jetStream), replicas });
    } catch (error) {
      await connection.close();
      if (error instanceof ChatosError) throw error;
      throw isElecting(error) ? notElected(hosts, error) : noJetStream(hosts, error);
    }
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** Counts the connections that there have been: what was asked over another one may be unanswered for ever. */
  get connected(): number {
    return this.#connected;
  }

  /** Resolves as soon as the server can be reached, or the signal is aborted. */
  async whenReachable(signal: AbortSignal): Promise<void> {
    while (!this.#isReachable && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.off('reachable', done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.on('reachable', done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect' || status.type === 'close') this.#set(false, 'the connection to NATS is lost');
      else if (status.type === 'reconnect') this.#set(true);
    }
  }

  #set(isReachable: boolean, why?: string): void {
    if (this.#isReachable === isReachable) return;
    this.#isReachable = isReachable;
    if (isReachable) this.#connected += 1;
    this.emit('reachable', isReachable, why);
  }
}

async function open(options: BrokerOptions, name: string, answerMs: number): Promise<NatsConnection> {
  const { hosts, isTls, ...ofUrls } = readServers(options.servers);
  const { connect, credsAuthenticator } = await import('@nats-io/transport-node');
  const { user = ofUrls.user, password = ofUrls.password, token = ofUrls.token, credsFile, tls } = options;
  const settings: NodeConnectionOptions = {
    servers: [...hosts],
    name,
    timeout: CONNECT_MS,
    // One that is stopped does not close its connections.
    pingInterval: answerMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(user !== undefined && { user, pass: password ?? '' }),
    ...(token !== undefined && { token }),
    ...(credsFile !== undefined && { authenticator: await readCreds(credsFile, credsAuthenticator) }),
    ...((isTls || tls) && { tls: await readTls(tls) }),
  };
  try {
    return await connect(settings);
  } catch (error) {
    throw connectError(hosts, error, {
      hasUser: (user ?? token ?? credsFile) !== undefined,
      hasCert: tls?.certFile !== undefined,
    });
  }
}

async function readTls({ caFile, certFile, keyFile }: NonNullable<BrokerOptions['tls']> = {}): Promise<object> {
  const readPem = async (file: string | undefined) => file && Buffer.from(await read(file)).toString();
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(readPem));
  const context = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  try {
    if (ca) new X509Certificate(ca);
    createSecureContext(context);
    return context;
  } catch (error) {
    throw invalid(`the files of TLS to NATS are no certificates and key in PEM that fit: ${messageOf(error)}`);
  }
}

async function readCreds(file: string, make: (bytes: Uint8Array) => Authenticator): Promise<Authenticator> {
  const authenticator = make(await read(file));
  try {
    // What is wrong with the file is found out by its first use.
    authenticator('');
    return authenticator;
  } catch {
    throw invalid(`${file} is not a file of credentials for NATS, as nsc makes them`);
  }
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readInput(file, MAX_FILE_BYTES);
  } catch (error) {
    throw invalid(`cannot read ${file}, for NATS: ${messageOf(error)}`);
  }
}

/** What a client has shown to say who it is. */
interface Shown {
  readonly hasUser: boolean;
  readonly hasCert: boolean;
}

const GIVE_CREDENTIALS =
  'give a user and password, or a token, in its address (nats://user:password@host or nats://token@host, in serve.cluster.broker), or a file of credentials (serve.cluster.credentials)';

function refusedBecause({ hasUser, hasCert }: Shown, why: string): string {
  if (hasUser) return `refuses the credentials: ${why}`;
  if (hasCert)
    return `refuses the certificate of this client (serve.cluster.tls.cert), or requires credentials: ${GIVE_CREDENTIALS}`;
  return `requires credentials, and none are given: ${GIVE_CREDENTIALS}`;
}

function connectError(hosts: readonly string[], error: unknown, shown: Shown): ChatosError {
  const at = hosts.join(', ');
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  if (name === 'AuthorizationError' || name === 'UserAuthenticationExpiredError') {
    const message = `the NATS server at ${at} ${refusedBecause(shown, messageOf(error))}`;
    return new ChatosError('NOT_PERMITTED', message, { cause: error });
  }
  if (typeof code === 'string' && /CERT|SELF_SIGNED|ALTNAME|VERIFY|^ERR_SSL/.test(code)) {
    const message = `the TLS of the NATS server at ${at} is not trusted, or it does not trust this client: ${messageOf(error)}`;
    return new ChatosError('NOT_TRUSTED', message, { cause: error });
  }
  const hint =
    name === 'TimeoutError'
      ? 'see whether it hangs, or a firewall is in between'
      : 'start one, as nats-server --jetstream';
  const message = `no NATS server at ${at}: ${messageOf(error)}; ${hint}`;
  return new ChatosError('CONNECT_FAILED', message, { cause: error });
}

/** Servers of one cluster do nothing while fewer than half of them run, and for some seconds after that. */
async function whenElected<T>(ask: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + ELECTION_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isElecting(error) || performance.now() >= endMs) throw error;
      await setTimeout(ASK_AGAIN_MS);
    }
  }
}

function isElecting(error: unknown): boolean {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  return name === 'TimeoutError' || code === UNAVAILABLE;
}

function notElected(hosts: readonly string[], error: unknown): ChatosError {
  const message = `the NATS server at ${hosts.join(', ')} does not answer for JetStream: of a cluster of NATS servers, more than half must run (${messageOf(error)})`;
  return new ChatosError('CONNECT_FAILED', message, { cause: error });
}

function noJetStream(hosts: readonly string[], error: unknown): ChatosError {
  const message = `the NATS server at ${hosts.join(', ')} has no JetStream for this client: start it with --jetstream, or allow it for the account`;
  return new ChatosError('CONNECT_FAILED', message, { cause: error });
}

function invalid(message: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', message);
}

function isBefore(version: string, first: readonly number[]): boolean {
  const parts = version.split('.').map((part) => parseInt(part, 10));
  const index = first.findIndex((wanted, i) => parts[i] !== wanted);
  return index >= 0 && !(parts[index]! > first[index]!);
}
