import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { messageOf, stackOf } from '../errors.ts';
import { listenFailure } from '../net/listen.ts';
import { SYSTEM_CLOCK, type Clock } from '../util/clock.ts';
import type { Logger } from '../util/log.ts';
import { formatStatusAddress, isLoopback, isOwnHost, type StatusAddress } from './status-address.ts';
import type { Answer } from './answer.ts';
import { StatusPages, type Observed } from './status-pages.ts';

export interface StatusServerOptions extends Observed {
  /** Where to listen; port 0 takes a free one. */
  readonly address: StatusAddress;
  readonly log: Logger;
  /** The runtime's. @default the machine's own */
  readonly clock?: Clock;
  /** How long a request may take to arrive, and a client may stop reading its answer, in ms. @default 10000 */
  readonly requestTimeoutMs?: number;
}

/** An HTTP endpoint with the status of a process: of its bots, its server, or both. */
export interface StatusServer {
  /** Where it listens, with the real port: `http://127.0.0.1:7780`. */
  readonly url: string;
  /** Stops listening and closes idle connections at once; answers that are being sent get half a second. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 32;
/** Browsers and Prometheus wait for an answer before they ask again; of one read, Node.js hands over all that is in it. */
const MAX_UNANSWERED = 8;
const MAX_HEADER_BYTES = 8 * 1024;
const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;
const CLOSE_GRACE_MS = 500;

/**
 * Serves the status of this process's bots and server over HTTP: the pages of {@link StatusPages}.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { address, runtime, server, audit, log, clock = SYSTEM_CLOCK } = options;
  const { requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options;
  const pages = new StatusPages({ runtime, server, audit }, clock);
  const unanswered = new WeakMap<Socket, number>();
  /** Whether there is room for one more request of a connection; one that has sent too many at a time is ended. */
  const mayAsk = ({ socket }: IncomingMessage, response: ServerResponse): boolean => {
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (socket.destroyed || count > MAX_UNANSWERED) {
      socket.destroy();
      return false;
    }
    unanswered.set(socket, count);
    response.once('close', () => unanswered.set(socket, unanswered.get(socket)! - 1));
    return true;
  };
  const http = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / 10,
    },
    (request, response) => {
      if (!mayAsk(request, response)) return;
      const failed = (error: unknown): Answer => {
        log.error(`the status endpoint failed: ${messageOf(error)}`, { path: request.url, stack: stackOf(error) });
        return { status: 500, body: 'internal error: see the log\n' };
      };
      let answer: Answer | Promise<Answer>;
      try {
        answer = answerFor(request, address, pages);
      } catch (error) {
        answer = failed(error);
      }
      // In the same turn, where it can be: Node does not take the next request then before this answer is taken.
      if (!(answer instanceof Promise)) return respond(request, response, answer);
      answer
        .catch(failed)
        .then((later) => respond(request, response, later))
        .catch(() => request.destroy());
    },
  );
  http.maxConnections = MAX_CONNECTIONS;
  http.timeout = requestTimeoutMs;
  http.listen(address.port, address.host);
  try {
    await once(http, 'listening');
  } catch (error) {
    pages.stop();
    throw listenFailure(formatStatusAddress(address), error as NodeJS.ErrnoException);
  }
  // Later errors are of single accepts: that client is lost, the endpoint is not.
  http.on('error', () => undefined);
  const { port } = http.address() as AddressInfo;
  const url = formatStatusAddress({ ...address, port });
  if (!isLoopback(address)) {
    log.warn('the status endpoint has no password, and other machines can reach it', { address: url });
  }
  return {
    url,
    close: async () => {
      pages.stop();
      const late = setTimeout(() => http.closeAllConnections(), CLOSE_GRACE_MS);
      await new Promise<void>((resolve) => http.close(() => resolve()));
      clearTimeout(late);
    },
  };
}

/**
 * Finds out whether the endpoint can listen at an address.
 *
 * @throws {ChatosError} `LISTEN_FAILED`
 */
export async function checkStatusAddress(address: StatusAddress): Promise<void> {
  const probe = createServer().listen(address.port, address.host);
  try {
    await once(probe, 'listening');
  } catch (error) {
    throw listenFailure(formatStatusAddress(address), error as NodeJS.ErrnoException);
  }
  await new Promise((resolve) => probe.close(resolve));
}

function answerFor(
  { method = '', url = '', headers }: IncomingMessage,
  address: StatusAddress,
  { byPath }: StatusPages,
): Answer | Promise<Answer> {
  const { host } = headers;
  if (host !== undefined && !isOwnHost(host, address)) {
    return { status: 403, body: 'unknown host name: use the IP address, or localhost\n' };
  }
  const [path = '', query] = url.split('?', 2);
  const page = Object.hasOwn(byPath, path) ? byPath[path] : undefined;
  if (!page) return { status: 404, body: `there are ${Object.keys(byPath).join(', ')}\n` };
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, headers: { allow: 'GET, HEAD' }, body: 'only GET and HEAD\n' };
  }
  return page(new URLSearchParams(query));
}

function respond(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status = 200, type = 'text/plain; charset=utf-8', headers = {}, body } = answer;
  // The body of a request is ignored: it is not read.
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding !== undefined || (length !== undefined && length !== '0')) response.setHeader('connection', 'close');
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
