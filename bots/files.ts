// Serves a directory over private connections: HTTP/1.1 over the channel, with GET, HEAD and ranges. The Java client of the
// protocol's authors, which can read answers of one form only, gets them in that form.
//
// Options: directory (required), relative to the configuration, else to where the bot is started; requestTimeoutMs (the
// longest that a request may take to arrive, default: 1 min); idleTimeoutMs (the longest that a peer may send no further
// request, or read nothing of an answer, default: 10 min).
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { ChatosError, defineBot, type Channel } from 'chatosbot';
import * as v from 'valibot';
import * as java from './files/java-client.js';
import { Visit, type Timeouts } from './files/visit.js';

/** The errors for names that do not or cannot exist. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'ERR_INVALID_ARG_VALUE']);
/** Requests that a peer may have in progress; it may send more when some are answered. */
const MAX_UNDER_WAY = 8;

const timeoutMs = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31 - 1));

let root: string;
let server: http.Server;
let timeouts: Timeouts;
const visits = new WeakMap<object, Visit>();

export default defineBot({
  options: v.object({
    directory: v.string(),
    requestTimeoutMs: v.optional(timeoutMs, 60_000),
    idleTimeoutMs: v.optional(timeoutMs, 600_000),
  }),

  async onStart(ctx) {
    timeouts = ctx.options;
    root = await realpath(path.resolve(ctx.directory, ctx.options.directory));
    // Simple clients leave Host out.
    server = http.createServer({ requireHostHeader: false }, (request, response) => {
      if (!mayAsk(request, response)) return;
      serve(request, response).catch(() => {
        if (response.headersSent) response.destroy();
        else answer(response, 500);
      });
    });
    // A peer may end its side after its last request and still get the answer.
    Object.assign(server, { httpAllowHalfOpen: true });
  },

  onPrivateRequest() {
    return server !== undefined;
  },

  async onChannel(channel) {
    const visit = new Visit(channel, timeouts);
    let text = '';
    for await (const chunk of channel) {
      text += chunk.toString('latin1');
      for (let request; (request = java.REQUEST.exec(text));) {
        text = text.slice(request[0].length);
        visit.begin();
        await serveJava(channel, Buffer.from(request[1]!, 'latin1').toString());
        visit.end();
      }
      if (!java.mayBecomeRequest(text)) {
        visits.set(channel, visit);
        channel.unshift(Buffer.from(text, 'latin1'));
        server.emit('connection', channel);
        channel.on('data', () => visit.received());
        return;
      }
      if (text !== '') visit.received();
    }
    channel.end(text && 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  },
});

/** Counts the requests of a peer; with too many at once, its connection is broken. */
function mayAsk({ socket }: http.IncomingMessage, response: http.ServerResponse): boolean {
  const visit = visits.get(socket)!;
  response.once('close', () => visit.end());
  if (visit.begin() <= MAX_UNDER_WAY) return true;
  socket.destroy();
  return false;
}

/** Sends a file to the Java client. */
async function serveJava(channel: Channel, asked: string): Promise<void> {
  // Its user types names as they are, or with the escapes of HTTP.
  const decoded = decode(asked) ?? asked;
  const found = await find(`/${asked}`, `/${decoded}`).catch(() => 'failed' as const);
  if (typeof found !== 'object' || found.size === 0 || found.size > java.MAX_BYTES) {
    const status = found === 'failed' ? 500 : !found ? 404 : found.size === 0 ? 204 : 413;
    channel.write(java.errorLines(status, decoded));
  } else {
    const { file, size, name } = found;
    channel.write(java.fileLines(size, name));
    const output = new Writable({ write: (chunk, _encoding, done) => void channel.write(chunk, done) });
    if (!(await send(file, 0, size - 1, output))) throw new ChatosError('CHANNEL_ABORTED', `${file} has shrunk`);
  }
  await setTimeout(java.PAUSE_MS);
}

async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    answer(response, 405, { allow: 'GET, HEAD' });
    return;
  }
  const name = decode(request.url!.replace(/^https?:\/\/[^/]*/i, '').split(/[?#]/)[0]!);
  const found = name?.startsWith('/') ? await find(name) : undefined;
  if (!found) {
    answer(response, 404);
    return;
  }
  const { file, size, modified } = found;
  const unchanged = (request.headers['if-range'] ?? modified) === modified;
  const range = request.method === 'GET' && unchanged ? parseRange(request.headers.range, size) : undefined;
  if (range === 'unsatisfiable') {
    answer(response, 416, { 'content-range': `bytes */${size}` });
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.writeHead(range ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    'last-modified': modified,
    ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD' || (await send(file, start, end, response))) response.end();
  else response.destroy();
}

/** Sends bytes of a file. Returns false if it has shrunk meanwhile: a part must not look complete. */
async function send(file: string, start: number, end: number, output: Writable): Promise<boolean> {
  if (end < start) return true;
  const content = createReadStream(file, { start, end });
  await pipeline(content, output, { end: false });
  return content.bytesRead === end - start + 1;
}

interface Found {
  readonly name: string;
  readonly file: string;
  readonly size: number;
  readonly modified: string;
}

/** The first of these names that a file has; links that lead out of the directory count as missing. */
async function find(...names: string[]): Promise<Found | undefined> {
  for (const name of names) {
    try {
      const file = await realpath(path.join(root, path.posix.normalize(name)));
      const inside = path.relative(root, file);
      if (inside.split(path.sep)[0] === '..' || path.isAbsolute(inside)) continue;
      const info = await stat(file);
      if (info.isFile()) return { name, file, size: info.size, modified: info.mtime.toUTCString() };
    } catch (error) {
      if (!ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** One range of a file: `bytes=0-99`, `bytes=100-`, `bytes=-100`. Other forms are ignored, as HTTP allows. */
function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const start = match[1] === '' ? Math.max(size - Number(match[2]), 0) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[1] !== '' && match[2] !== '' && Number(match[2]) < start) return undefined;
  return start < size && (match[1] !== '' || Number(match[2]) > 0) ? { start, end } : 'unsatisfiable';
}

function answer(response: http.ServerResponse, status: number, headers: http.OutgoingHttpHeaders = {}): void {
  const text = `${status} ${http.STATUS_CODES[status]}\n`;
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text), ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}
