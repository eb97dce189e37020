import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { startTimer } from '../../util/timeout.ts';
import type { WorkerName } from '../worker-name.ts';
import { isSame, proofOf, type ClusterKeys } from './cluster-keys.ts';
import { failedBecause, PeerFailure, WRONG_SECRET } from './peer-failure.ts';
import { PeerMessages } from './peer-messages.ts';
import { secureAnswerer, secureCaller } from './peer-tls.ts';
import { isUnlike, unlike } from './unlike.ts';

/** A worker process of a node, among all that a cluster has ever had. */
export interface NodeProcess {
  /** The name of its node. */
  readonly node: string;
  readonly epoch: string;
  readonly worker: WorkerName;
}

/** What a side says first, in the clear where nothing is encrypted. */
interface Hello extends NodeProcess {
  readonly nonce: string;
  /** Whom a caller calls. */
  readonly to?: NodeProcess;
}

export interface HandshakePlan {
  readonly self: NodeProcess;
  readonly keys: ClusterKeys;
  /** Whether TLS is to carry it; both sides must agree. */
  readonly isEncrypted: boolean;
  /** For all of it, in milliseconds. */
  readonly timeoutMs?: number;
}

/** A connection with a process that has proved that it has the secret, and who it is. */
export interface MetPeer {
  readonly stream: Socket;
  readonly peer: NodeProcess;
  /** Said by the caller when both know who they are; the answer is the answerer's. */
  readonly request: Buffer;
}

const TIMEOUT_MS = 5_000;
/** A hello is short; a request may have a certificate in it. In bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024;
const NONCE_BYTES = 32;
const OK = 1;
const REFUSED = 0;

/**
 * Proves to the process that was called who this is, asks it something, and returns its answer. Both sides prove that they
 * have the secret of the cluster: each with a nonce of the other, over all that both have said (over TLS, that is proved twice).
 *
 * Rejects with a {@link PeerFailure}; the socket is closed then.
 */
export function callPeer(
  socket: Socket,
  to: NodeProcess,
  request: Buffer,
  plan: HandshakePlan,
): Promise<{ readonly stream: Socket; readonly answer: Buffer }> {
  return inTime(socket, plan, async () => {
    const stream = plan.isEncrypted ? await secureCaller(socket, plan.keys.tls) : socket;
    const messages = new PeerMessages(stream, MAX_MESSAGE_BYTES);
    const mine = helloOf({ ...plan.self, to });
    messages.send(mine);
    const theirs = await messages.next();
    if (isUnlike(theirs)) throw unlike(plan.isEncrypted);
    const proof = await messages.next();
    const said = [mine, theirs];
    if (!isSame(proof, proofOf(plan.keys, 'answerer', said))) {
      messages.send(Buffer.from([REFUSED]));
      throw new PeerFailure(WRONG_SECRET);
    }
    messages.send(proofOf(plan.keys, 'caller', said), request);
    const answer = await messages.next();
    if (answer[0] !== OK) throw new PeerFailure(answer.toString('utf8', 1), true);
    return { stream, answer: answer.subarray(1) };
  });
}

/**
 * The other side of {@link callPeer}. `answer` says what is answered, or throws a {@link PeerFailure}, whose message the
 * caller gets.
 */
export function answerPeer(socket: Socket, plan: HandshakePlan, answer: (met: MetPeer) => Buffer): Promise<MetPeer> {
  return inTime(socket, plan, async () => {
    const stream = plan.isEncrypted ? await secureAnswerer(socket, plan.keys.tls) : socket;
    const messages = new PeerMessages(stream, MAX_MESSAGE_BYTES);
    const theirs = await messages.next();
    const hello = readHello(theirs);
    const mine = helloOf(plan.self);
    const said = [theirs, mine];
    messages.send(mine, proofOf(plan.keys, 'answerer', said));
    if (!isSame(await messages.next(), proofOf(plan.keys, 'caller', said))) throw new PeerFailure(WRONG_SECRET);
    const met = { stream, peer: hello, request: await messages.next() };
    try {
      checkMeant(hello.to, plan.self);
      messages.send(Buffer.concat([Buffer.from([OK]), answer(met)]));
    } catch (error) {
      const failure = failedBecause(error);
      messages.send(Buffer.concat([Buffer.from([REFUSED]), Buffer.from(failure.message)]));
      stream.end();
      throw failure;
    }
    return met;
  });
}

/** Another text for each process. */
export function processKey({ node, epoch, worker }: NodeProcess): string {
  return JSON.stringify([node, epoch, worker.slot, worker.number]);
}

/** @throws {PeerFailure} where another process is called */
function checkMeant(to: NodeProcess | undefined, self: NodeProcess): void {
  if (to && to.node !== self.node) {
    const why = `node ${self.node} answers there, and not node ${to.node}: serve.cluster.peer of one of the two is wrong`;
    throw new PeerFailure(why, true);
  }
  if (!to || processKey(to) !== processKey(self)) throw new PeerFailure('it has called a process that has ended', true);
}

async function inTime<T extends { readonly stream: Duplex }>(
  socket: Socket,
  { timeoutMs = TIMEOUT_MS }: HandshakePlan,
  run: () => Promise<T>,
): Promise<T> {
  let isLate = false;
  socket.on('error', () => undefined);
  const timer = startTimer(timeoutMs, () => {
    isLate = true;
    socket.destroy();
  });
  try {
    const done = await run();
    done.stream.on('error', () => undefined);
    return done;
  } catch (error) {
    // What was said last may still leave.
    if (socket.writableEnded) socket.once('finish', () => socket.destroy());
    else socket.destroySoon();
    throw isLate ? new PeerFailure(`it has not answered in ${timeoutMs / 1000} s`, true) : failedBecause(error);
  } finally {
    clearTimeout(timer);
  }
}

function helloOf(who: Omit<Hello, 'nonce'>): Buffer {
  return Buffer.from(JSON.stringify({ ...who, nonce: randomBytes(NONCE_BYTES).toString('base64url') }));
}

function readHello(bytes: Buffer): Hello {
  try {
    const hello = JSON.parse(String(bytes)) as Hello;
    if (isProcess(hello) && (hello.to === undefined || isProcess(hello.to))) return hello;
  } catch {
    // As something that is JSON, and no hello.
  }
  throw new PeerFailure('it has not said who it is');
}

function isProcess(value: NodeProcess): boolean {
  const { node, epoch, worker } = value;
  const { slot, number } = worker;
  return typeof node === 'string' && typeof epoch === 'string' && Number.isInteger(slot) && Number.isInteger(number);
}
