// Serves a directory over private connections: HTTP/1.1 over the channel, with GET, HEAD and ranges.
//
// Options: directory (required), relative to the configuration, else to where the bot is started.
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { defineBot } from 'chatosbot';
import * as v from 'valibot';

/** The system's errors for names that do not or cannot exist. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']);

let root: string;
let server: http.Server;

export default defineBot({
  options: v.object({ directory: v.string() }),

  async onStart(ctx) {
    root = await realpath(path.resolve(ctx.directory, ctx.options.directory));
    // Simple clients leave Host out.
    server = http.createServer({ requireHostHeader: false }, (request, response) => {
      if (!mayAsk(request, response)) return;
      serve(request, response).catch((error: NodeJS.ErrnoException) => {
        if (response.headersSent) response.destroy();
        else answer(response, ABSENT.has(error.code ?? '') ? 404 : 500);
      });
    });
    // A peer may end its side after its last request and still get the answer.
    Object.assign(server, { httpAllowHalfOpen: true });
  },

  onPrivateRequest() {
    return server !== undefined;
  },

  onChannel(channel) {
    server.emit('connection', channel);
  },
});

/** Requests that a peer may have in progress; it may send more when some are answered. */
const MAX_UNDER_WAY = 8;
const underWay = new WeakMap<object, number>();

/** Counts the requests of a peer; with too many at once, its connection is broken. */
function mayAsk({ socket }: http.IncomingMessage, response: http.ServerResponse): boolean {
  const count = (underWay.get(socket) ?? 0) + 1;
  underWay.set(socket, count);
  response.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
  if (count > MAX_UNDER_WAY) socket.destroy();
  return count <= MAX_UNDER_WAY;
}

async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    answer(response, 405, { allow: 'GET, HEAD' });
    return;
  }
  const file = await locate(request.url ?? '/');
  const info = file === undefined ? undefined : await stat(file);
  if (file === undefined || !info?.isFile()) {
    answer(response, 404);
    return;
  }
  const modified = info.mtime.toUTCString();
  const unchanged = (request.headers['if-range'] ?? modified) === modified;
  const range = request.method === 'GET' && unchanged ? parseRange(request.headers.range, info.size) : undefined;
  if (range === 'unsatisfiable') {
    answer(response, 416, { 'content-range': `bytes */${info.size}` });
    return;
  }
  const { start, end } = range ?? { start: 0, end: info.size - 1 };
  response.writeHead(range ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    'last-modified': modified,
    ...(range && { 'content-range': `bytes ${start}-${end}/${info.size}` }),
  });
  if (request.method === 'HEAD' || info.size === 0) {
    response.end();
    return;
  }
  const content = createReadStream(file, { start, end });
  await pipeline(content, response, { end: false });
  // A file that has shrunk meanwhile must not look complete.
  if (content.bytesRead === end - start + 1) response.end();
  else response.destroy();
}

/** The real file behind a URL; links that lead out of the directory count as missing. */
async function locate(url: string): Promise<string | undefined> {
  let name: string;
  try {
    name = decodeURIComponent(url.replace(/^https?:\/\/[^/]*/i, '').split(/[?#]/)[0]!);
  } catch {
    return undefined;
  }
  if (!name.startsWith('/') || name.includes('\0')) return undefined;
  const file = await realpath(path.join(root, path.posix.normalize(name)));
  const inside = path.relative(root, file);
  return inside.split(path.sep)[0] === '..' || path.isAbsolute(inside) ? undefined : file;
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
