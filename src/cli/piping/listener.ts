import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { isChatosError } from '../../errors.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { createDeferred } from '../../util/deferred.ts';
import { notice } from '../terminal/output.ts';
import type { PipeFlags } from './flags.ts';

/** The channel of the first request that is accepted; if one is not established, that of the next. */
export function incomingChannel(flags: PipeFlags, signal: AbortSignal) {
  const wanted = flags.from ?? ['*'];
  const waiting = createDeferred<Channel>({
    timeoutMs: (flags.wait ?? Infinity) * 1000,
    signal,
    what: 'no peer asked for a private connection',
  });
  waiting.promise.catch(() => undefined);
  let busy = false;
  const onRequest = async (request: PrivateRequest): Promise<void> => {
    if (busy || !wanted.some((pattern) => matchesLogin(pattern, request.from))) {
      request.refuse();
      return;
    }
    busy = true;
    try {
      waiting.resolve(await request.accept());
    } catch (error) {
      busy = false;
      if (!isChatosError(error)) throw error;
      notice(`the private connection with ${request.from} was not established: ${error.message}`);
    }
  };
  return {
    listenOn: (client: ChatosClient): void => {
      client.on('request', (request) => void onRequest(request));
    },
    channel: (client: ChatosClient): Promise<Channel> => {
      client.once('closed', (error) => error && waiting.reject(error));
      return waiting.promise;
    },
  };
}
