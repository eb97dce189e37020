import { get, type IncomingMessage } from 'node:http';
import { formatStatusAddress, type StatusAddress } from '../../ops/status-address.ts';
import { ChatosError, isChatosError } from '../../errors.ts';

const TIMEOUT_MS = 5_000;
/** More than any status document of ours. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads `/status` of the endpoint at an address, within `timeoutMs`, and up to `maxBytes`; returns what its JSON says.
 *
 * @throws {ChatosError} `CONNECT_FAILED` if there is no endpoint, `TIMED_OUT` if it does not answer
 */
export async function readStatus(
  address: StatusAddress,
  timeoutMs = TIMEOUT_MS,
  maxBytes = MAX_BYTES,
): Promise<unknown> {
  const url = formatStatusAddress(address);
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    // A server tests itself then, and its status has the result.
    (await request(address, '/readyz', signal)).resume();
    const response = await request(address, '/status', signal);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw notOurs(url);
      chunks.push(chunk);
    }
    if (response.statusCode !== 200) throw notOurs(url);
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    if (isChatosError(error)) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    if (signal.aborted) {
      throw new ChatosError('TIMED_OUT', `${url} did not answer within ${timeoutMs / 1000} s`, { cause: error });
    }
    if (error instanceof SyntaxError || code.startsWith('HPE_')) throw notOurs(url, error);
    // Another protocol breaks off at an HTTP request; so does an endpoint with too many connections.
    const brokeOff = code === 'ECONNRESET' || code === 'EPIPE';
    if (brokeOff) throw notOurs(url, error, ', or has too many connections');
    const why = code === 'ECONNREFUSED' ? 'connection refused' : code;
    const message = `no status at ${url} (${why}): is the process running, with --status or 'status' in its configuration?`;
    throw new ChatosError('CONNECT_FAILED', message, { cause: error, fields: { address: url, errno: code } });
  }
}

/** The address belongs to something else than a status endpoint. */
export function notOurs(url: string, cause?: unknown, unless = ''): ChatosError {
  const message = `${url} is not a status endpoint of chatosbot${unless}; give its address with --status`;
  return new ChatosError('CONNECT_FAILED', message, { cause, fields: { address: url } });
}

function request({ host, port }: StatusAddress, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // The endpoint accepts this name, whatever name the address has.
    const headers = { host: 'localhost', connection: 'close' };
    get({ host, port, path, headers, agent: false, signal }, resolve).on('error', reject);
  });
}
