import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { withEither } from '../../util/abort.ts';
import { createDeferred, type Deferred } from '../../util/deferred.ts';
import { loginKey } from '../../util/login-key.ts';
import { News } from './news.ts';
import type { ListenerReport } from './report.ts';
import { ReturningPeer } from './returning-peer.ts';
import type { NextChannel } from './verified.ts';

/** Peers that may wait for their turn. The server ends the requests of all others after a while, and they ask again. */
const MAX_QUEUED = 256;
/** A peer that has been accepted has this long to come: it may have given up while it waited. */
const COMING_MS = 5_000;

/** Who waits for a request, and for how long. */
interface WaitLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The requests of peers: they wait for their turn, one of each login, the oldest first. Who is not wanted is refused. */
export class Listener {
  readonly #wanted: readonly string[];
  readonly #report: ListenerReport;
  readonly #queue = new Map<string, PrivateRequest>();
  readonly #waiting: Deferred<PrivateRequest>[] = [];
  readonly #returning = new Map<string, ReturningPeer>();
  /** Who is refused asks a second time, to be sure, and who does not get through again and again. */
  readonly #news = new News();
  #whyNobodyElse: string | undefined;
  /** What has ended the client. */
  #lost: ChatosError | undefined;

  constructor(wanted: readonly string[], report: ListenerReport) {
    this.#wanted = wanted;
    this.#report = report;
  }

  /** Before the client logs in, so that no request is missed. */
  listenOn(client: ChatosClient): void {
    client.on('request', (request) => this.#onRequest(request));
    // Requests end with the session.
    client.on('disconnected', () => this.#queue.clear());
    client.once('closed', (error) => {
      this.#lost = error;
      if (error) for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    });
  }

  /**
   * The channel of the next peer; where one is not established, that of the one after it.
   *
   * @throws {ChatosError} `TIMED_OUT` where nobody comes, `ABORTED`, what ended the client, or `NOT_TRUSTED` where the server
   *   has another key by now: nobody can come then
   */
  async next(limits: WaitLimits): Promise<Channel> {
    for (;;) {
      const channel = await this.establish(await this.nextRequest(limits), limits.signal);
      if (channel) return channel;
    }
  }

  /**
   * Accepts a request; where no channel is established, that is reported, and the result is `undefined`.
   *
   * @throws {ChatosError} `ABORTED`; `NOT_TRUSTED` as {@link next}
   */
  async establish(request: PrivateRequest, signal: AbortSignal): Promise<Channel | undefined> {
    try {
      return await accept(request, signal);
    } catch (error) {
      if (!isChatosError(error) || error.code === 'NOT_TRUSTED' || signal.aborted) throw error;
      const message = `the private connection with ${request.from} was not established: ${error.message}`;
      if (this.#news.isNews(`broken ${request.from} ${error.message}`))
        this.#report('broken', message, { peer: request.from, code: error.code, message: error.message });
      return undefined;
    }
  }

  /** From now on, this peer's requests are for its next channel; `onBack` is called for each while none is waited for. */
  expect(peer: string, onBack: () => void): NextChannel {
    const key = loginKey(peer);
    const returning = new ReturningPeer(onBack, accept);
    this.#returning.set(key, returning);
    return {
      next: (signal) => returning.next(signal),
      release: () => {
        if (this.#returning.get(key) === returning) this.#returning.delete(key);
      },
    };
  }

  /** From now on, all are refused but those that are expected. */
  refuseOthers(why: string): void {
    this.#whyNobodyElse = why;
    const waiting = [...this.#queue.values()];
    this.#queue.clear();
    for (const request of waiting) this.#onRequest(request);
  }

  /**
   * The next request, to be accepted by {@link establish}.
   *
   * @throws {ChatosError} as {@link next}
   */
  async nextRequest({ timeoutMs, signal }: WaitLimits): Promise<PrivateRequest> {
    for (const [key, request] of this.#queue) {
      this.#queue.delete(key);
      return request;
    }
    if (this.#lost) throw this.#lost;
    const what = 'no peer asked for a private connection';
    const waiting = createDeferred<PrivateRequest>({ timeoutMs, signal, what });
    this.#waiting.push(waiting);
    try {
      return await waiting.promise;
    } finally {
      const index = this.#waiting.indexOf(waiting);
      if (index >= 0) this.#waiting.splice(index, 1);
    }
  }

  #onRequest(request: PrivateRequest): void {
    const { from } = request;
    const returning = this.#returning.get(loginKey(from));
    if (returning) return returning.asks(request);
    if (this.#whyNobodyElse !== undefined) return this.#refuse(request, this.#whyNobodyElse);
    if (!this.#wanted.some((pattern) => matchesLogin(pattern, from)))
      return this.#refuse(request, '--from does not allow this login');
    for (let waiting = this.#waiting.shift(); waiting; waiting = this.#waiting.shift()) {
      if (!waiting.settled) return waiting.resolve(request);
    }
    const key = loginKey(from);
    if (this.#queue.size < MAX_QUEUED || this.#queue.has(key)) this.#queue.set(key, request);
  }

  #refuse(request: PrivateRequest, why: string): void {
    const { from } = request;
    request.refuse();
    if (this.#news.isNews(`refused ${loginKey(from)}`))
      this.#report('refused', `refused ${from}: ${why}`, { peer: from });
  }
}

async function accept(request: PrivateRequest, signal: AbortSignal): Promise<Channel> {
  const overdue = new AbortController();
  const timer = setTimeout(() => {
    overdue.abort(new ChatosError('TIMED_OUT', `${request.from} did not come within ${COMING_MS / 1000} s`));
  }, COMING_MS);
  try {
    return await withEither(signal, overdue.signal, (either) => request.accept({ signal: either }));
  } finally {
    clearTimeout(timer);
  }
}
