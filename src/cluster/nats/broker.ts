import { X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { Kvm } from '@nats-io/kv';
import type { Authenticator, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { ChatosError, messageOf } from '../../errors.ts';
import { readInput } from '../../util/read-input.ts';
import { connectError, noJetStream, notPermitted, permissionError, violationIn } from './broker-errors.ts';
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
  /** The NATS server does not let this node use a subject: once for each. */
  readonly refused: [why: string];
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
  readonly #refused = new Set<string>();

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
   *   credentials, or those of a user without permissions, `NOT_TRUSTED` for its certificate, `INVALID_ARGUMENT` for what the options or the server's version do not
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
      if (isElecting(error)) throw notElected(hosts, error);
      throw notPermitted(error) ?? noJetStream(hosts, error);
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

  /**
   * Waits until the server has answered what it was sent so far.
   *
   * @throws {ChatosError} `NOT_PERMITTED` where it does not let this node use a subject
   */
  async checkPermitted(): Promise<void> {
    await this.connection.flush();
    // Its refusals have come before the answer; they are seen a moment later.
    await setImmediate();
    const [why] = this.#refused;
    if (why !== undefined) throw permissionError(why);
  }

  async close(): Promise<void> {
    // What was published in this turn is written first. Where the server has ended its side and reads no more, that fails
    // in the next turn; the client lets go of its socket as it closes, and an error that nobody handles ends the process.
    await setImmediate();
    await this.connection.close();
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect' || status.type === 'close') this.#set(false, 'the connection to NATS is lost');
      else if (status.type === 'reconnect') this.#set(true);
      else if (status.type === 'error') this.#note(status.error);
    }
  }

  #note(error: Error): void {
    const why = violationIn(error);
    if (why === undefined || this.#refused.has(why)) return;
    this.#refused.add(why);
    this.emit('refused', why);
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
      hasCa: tls?.caFile !== undefined,
      hasCert: tls?.certFile !== undefined,
      isTls,
      timeoutMs: CONNECT_MS,
    });
  }
}

/**
 * Reads the files by which NATS is reached, as {@link Broker.connect} does, and connects nowhere.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where one is missing, or is not what it should be
 */
export async function checkBrokerFiles({ credsFile, tls }: BrokerOptions): Promise<void> {
  const { credsAuthenticator } = await import('@nats-io/transport-node');
  if (credsFile !== undefined) await readCreds(credsFile, credsAuthenticator);
  if (tls) await readTls(tls);
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

function invalid(message: string): ChatosError {
  return new ChatosError('INVALID_ARGUMENT', message);
}

function isBefore(version: string, first: readonly number[]): boolean {
  const parts = version.split('.').map((part) => parseInt(part, 10));
  const index = first.findIndex((wanted, i) => parts[i] !== wanted);
  return index >= 0 && !(parts[index]! > first[index]!);
}
