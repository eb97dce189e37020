import http2, { type ClientHttp2Session, type Http2Session, type ServerHttp2Session } from 'node:http2';
import { ChatosError } from '../../errors.ts';
import type { PipedChannel } from '../pipe.ts';
import { encrypts } from '../secure/failures.ts';
import { beginsAsSecure } from '../secure/hello.ts';
import { Carrier } from './carrier.ts';

/** What the two sides have agreed on: the path of the first request, and the header of its answer. */
export const CONTROL_PATH = '/chatosbot-forward/1';
export const CONNECT_PATH = '/connect';
export const INCOMING_PATH = '/incoming/';
/** The longest line on the control stream, in bytes. */
export const MAX_LINE_BYTES = 8 * 1024;

/** The other side has so long to begin. */
export const BEGIN_TIMEOUT_MS = 10_000;

/**
 * What may be on its way in each stream, in bytes: a receiver that does not read keeps so much, and stalls nobody else. Few
 * connections get more each, as a stream carries no more than a window each time there and back.
 */
const [MIN_STREAM_WINDOW_BYTES, MAX_STREAM_WINDOW_BYTES] = [512 * 1024, 8 * 1024 * 1024];
const ALL_WINDOWS_BYTES = 128 * 1024 * 1024;

function streamWindowBytes(maxConnections: number): number {
  const share = Math.floor(ALL_WINDOWS_BYTES / maxConnections);
  return Math.min(Math.max(share, MIN_STREAM_WINDOW_BYTES), MAX_STREAM_WINDOW_BYTES);
}

/** What waits to be written beside that: answers to pings and settings, windows, the control stream. */
const OTHER_BYTES = 16 * 1024;
const MAX_WINDOW_BYTES = 2 ** 31 - 1;
const MIB = 2 ** 20;

/** How often the other side is asked for a sign of life, and after how long without one it is given up. */
const PING_MS = 15_000;
const DEAD_MS = 60_000;
/** So long a session that has said farewell is kept, so that the peer hears of it before the channel breaks. */
const FAREWELL_MS = 250;

/**
 * The bounds of a session. Floods of pings and settings end it (nghttp2 counts the answers that wait), as do streams beyond
 * the limit and frames that are wrong.
 */
function sessionOptions(maxConnections: number) {
  return {
    settings: {
      enablePush: false,
      initialWindowSize: streamWindowBytes(maxConnections),
      // The control stream is one, too.
      maxConcurrentStreams: maxConnections + 1,
      maxHeaderListSize: 16 * 1024,
      headerTableSize: 4 * 1024,
    },
    maxDeflateDynamicTableSize: 4 * 1024,
    maxHeaderListPairs: 32,
    maxOutstandingPings: 10,
    maxOutstandingSettings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // In megabytes: what is being written counts, up to a window for each stream.
    maxSessionMemory: 16 + Math.ceil((maxConnections * 2 * streamWindowBytes(maxConnections)) / MIB),
  };
}

/**
 * The side that was asked: it lets the other one open streams.
 *
 * @param openStreams how many connections there are now
 */
export function serveSession(
  channel: PipedChannel,
  maxConnections: number,
  openStreams: () => number,
): ServerHttp2Session {
  const carrier = new Carrier(channel);
  const session = http2.performServerHandshake(carrier, sessionOptions(maxConnections));
  carrier.limitBy(() => queueLimit(session, openStreams(), maxConnections));
  return prepared(session, channel, carrier, maxConnections);
}

/** The side that has asked: it opens streams. */
export function openSession(
  channel: PipedChannel,
  maxConnections: number,
  openStreams: () => number,
): ClientHttp2Session {
  const carrier = new Carrier(channel);
  const options = { ...sessionOptions(maxConnections), createConnection: () => carrier };
  const session = http2.connect('http://chatosbot', options);
  carrier.limitBy(() => queueLimit(session, openStreams(), maxConnections));
  return prepared(session, channel, carrier, maxConnections);
}

/** So much may wait to be written: what the peer's windows allow, and a little for what is not in them. */
function queueLimit(session: Http2Session, openStreams: number, maxConnections: number): number {
  const { initialWindowSize = MIN_STREAM_WINDOW_BYTES } = session.remoteSettings;
  // Any window may be said to be there.
  const windows = openStreams * Math.min(initialWindowSize, MAX_STREAM_WINDOW_BYTES);
  return Math.min(windows, Math.max(ALL_WINDOWS_BYTES, maxConnections * MIN_STREAM_WINDOW_BYTES)) + OTHER_BYTES;
}

function prepared<S extends Http2Session>(
  session: S,
  channel: PipedChannel,
  carrier: Carrier,
  maxConnections: number,
): S {
  // Node's receivers take a stream's bytes off the connection's window at once, and still: it must never be the narrower.
  const windowBytes = Math.min((maxConnections + 1) * streamWindowBytes(maxConnections), MAX_WINDOW_BYTES);
  const widen = (): void => {
    if (!session.destroyed) session.setLocalWindowSize(windowBytes);
  };
  if (session.connecting) session.once('connect', widen);
  else widen();
  // HTTP/2 never begins so: what it would say of it helps nobody.
  channel.once('data', (first: Buffer) => {
    if (beginsAsSecure(first)) channel.destroy(encrypts(channel.peer));
  });
  // A session that has failed waits until what it has written is taken: by a peer that does not read, never.
  session.on('error', () => channel.destroy());
  session.once('close', () => channel.destroy());
  watchLife(session, channel);
  watchReading(carrier, channel.peer);
  return session;
}

/**
 * Where the peer breaks the rules of HTTP/2, nghttp2 says farewell and reads no more, and Node.js does not end the session
 * for that. It reads nothing either while it writes, but then it goes on a turn after all is written.
 */
function watchReading(carrier: Carrier, peer: string): void {
  let pauses = 0;
  let timer: NodeJS.Timeout | undefined;
  const isStuck = (since: number): boolean => pauses === since && carrier.isPaused() && carrier.writableLength === 0;
  const look = (since: number): void => {
    timer = undefined;
    if (carrier.destroyed) return;
    if (!isStuck(since)) {
      if (carrier.isPaused()) watch();
      return;
    }
    // What was written just now is heard of in the turns that follow.
    setImmediate(() =>
      setImmediate(() => {
        if (!carrier.destroyed && isStuck(since)) carrier.destroy(rulesBroken(peer));
      }),
    );
  };
  const watch = (): void => {
    timer ??= setTimeout(look, FAREWELL_MS, pauses);
  };
  carrier.on('pause', () => {
    pauses += 1;
    watch();
  });
  carrier.once('close', () => clearTimeout(timer));
}

function rulesBroken(peer: string, cause?: NodeJS.ErrnoException): ChatosError {
  const what = cause?.code === 'ERR_HTTP2_SESSION_ERROR' ? `${peer} ended the tunnel: what we` : `what ${peer}`;
  const message = `${what} sent breaks the rules of HTTP/2, or was changed on the way`;
  return new ChatosError('CHANNEL_ABORTED', message, { cause, fields: { peer } });
}

/**
 * What a session over a channel has ended with.
 *
 * @param cause the error of either
 * @param otherwise the message where that says nothing
 */
export function sessionFailure(peer: string, cause: Error | undefined, otherwise: string): ChatosError {
  if (cause instanceof ChatosError) return cause;
  const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code.startsWith('ERR_HTTP2_')) return rulesBroken(peer, cause);
  return new ChatosError('CHANNEL_ABORTED', otherwise, { cause, fields: { peer } });
}

/**
 * A peer that is frozen, or gone without a word, would hold ports and connections for ever. Anything that comes is a sign of
 * life: behind much data on a slow line, the answer itself takes long.
 */
function watchLife(session: Http2Session, channel: PipedChannel): void {
  let received = channel.bytesReceived;
  let heardAt = performance.now();
  const heard = (): void => {
    heardAt = performance.now();
  };
  const timer = setInterval(() => {
    if (channel.bytesReceived !== received) heard();
    received = channel.bytesReceived;
    if (performance.now() - heardAt >= DEAD_MS) channel.destroy(new Error('the other side gives no sign of life'));
    else if (!session.destroyed) session.ping((error) => error ?? heard());
  }, PING_MS);
  session.once('close', () => clearInterval(timer));
}
