import { setMaxListeners } from 'node:events';
import process from 'node:process';
import type { Channel } from '../../client/channel.ts';
import type { PrivateRequest } from '../../client/private-request.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import type { ByteSink } from '../../transfer/bytes.ts';
import { withEither } from '../../util/abort.ts';
import { formatSeconds } from '../../util/printable.ts';
import { ExitSignal } from '../terminal/exit.ts';
import { converse, type ConversationSettings } from './conversation.ts';
import type { Listener } from './listener.ts';

/**
 * Serves peers, as many at once as the flags say, until the signal, or until nobody has come for as long as they say. A
 * peer that breaks off and a process that fails are reported; a failure of our own output ends it all.
 *
 * @throws {ChatosError} `TIMED_OUT` where nobody has come at all, `ABORTED`, or what has failed here
 */
export async function serve(listener: Listener, settings: ConversationSettings, signal: AbortSignal): Promise<void> {
  const { flags, ends, report } = settings;
  const timeoutMs = (flags.wait ?? Infinity) * 1000;
  const output = shared(ends.output);
  const failed = new AbortController();
  let served = 0;
  /** Peers who are there, or about to be. */
  let open = 0;
  let idleSince = performance.now();
  const leftMs = (): number => (open > 0 ? timeoutMs : idleSince + timeoutMs - performance.now());
  /** `undefined` where the time is over: for all at once, as those who still serve may need the others soon. */
  const nextRequest = async (stop: AbortSignal): Promise<PrivateRequest | undefined> => {
    for (;;) {
      try {
        return await listener.nextRequest({ timeoutMs: leftMs(), signal: stop });
      } catch (error) {
        if (!isChatosError(error, 'TIMED_OUT')) throw error;
        if (leftMs() > 0) continue;
        if (served > 0) return undefined;
        const message = `no peer asked for a private connection within ${formatSeconds(timeoutMs)}`;
        throw new ChatosError('TIMED_OUT', message, { cause: error, fields: { timeoutMs } });
      }
    }
  };
  const serveNext = async (stop: AbortSignal): Promise<boolean> => {
    const request = await nextRequest(stop);
    if (!request) return false;
    open += 1;
    try {
      const channel = await listener.establish(request, stop);
      if (channel) await servePeer(channel, stop);
    } finally {
      open -= 1;
      idleSince = performance.now();
    }
    return true;
  };
  const servePeer = async (channel: Channel, stop: AbortSignal): Promise<void> => {
    served += 1;
    let isOver = false;
    // What is still under way when a peer is lost must not come between the bytes of the next one.
    const own: ByteSink = { ...output, write: (chunk) => (isOver ? undefined : output.write(chunk)) };
    try {
      await converse(channel, { ...settings, ends: { ...ends, output: own } }, stop);
    } catch (error) {
      if (stop.aborted || !(isChatosError(error) || (error instanceof ExitSignal && flags.exec))) throw error;
      if (isChatosError(error)) {
        const { code, message } = error;
        report('broken', message, { peer: channel.peer, code, message });
      }
    } finally {
      isOver = true;
    }
  };
  await withEither(signal, failed.signal, async (stop) => {
    // Each conversation listens: many are no sign of a leak.
    setMaxListeners(0, stop, process);
    const slot = async (): Promise<void> => {
      try {
        while (await serveNext(stop));
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    };
    // All have ended what they do before the first failure is reported.
    await Promise.allSettled(Array.from({ length: flags.max ?? 1 }, slot));
    if (failed.signal.aborted) throw failed.signal.reason;
  });
  await ends.output.end();
}

/** For several at once: their bytes go out one chunk after the other, and the end of one is not that of all. */
function shared(sink: ByteSink): ByteSink {
  let last: void | Promise<void>;
  return {
    write: (chunk) => (last = Promise.resolve(last).then(() => sink.write(chunk))),
    end: () => undefined,
  };
}
