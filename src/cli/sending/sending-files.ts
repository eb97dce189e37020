import { closeSync, openSync } from 'node:fs';
import type { ChatosClient } from '../../client/client.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { offerSummary } from './offer-text.ts';
import type { Offer } from '../../transfer/files/offer.ts';
import type { TransferResult } from '../../transfer/files/report.ts';
import { FileSender } from '../../transfer/files/sender.ts';
import type { Source, WalkRules } from '../../transfer/files/walk.ts';
import { DISCARD_SINK, type ByteSource } from '../../transfer/bytes.ts';
import { descriptorSource } from '../../transfer/descriptor-source.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import { limitSource } from '../../transfer/rate-limit.ts';
import type { ChannelSecret } from '../../transfer/secure/secret.ts';
import { encrypt, encryptNext } from '../piping/encryption.ts';
import type { NextChannel } from '../piping/verified.ts';
import type { SendFlags } from './flags.ts';
import type { ProgressView } from './progress-view.ts';
import { reasonOf } from './reasons.ts';
import type { TransferReport } from './report.ts';
import { runReturning } from './returning.ts';
import { carryStream } from './streaming.ts';
import { Effort, reportDone } from './summary.ts';

/** What is sent, and how. */
export interface Sending {
  readonly sources: readonly Source[];
  readonly rules: WalkRules;
  readonly offer: Offer;
  /** What is sent instead of files. */
  readonly input?: ByteSource;
  readonly flags: SendFlags;
  readonly report: TransferReport;
  readonly view: ProgressView;
  readonly secret: ChannelSecret | undefined;
  readonly signal: AbortSignal;
}

/**
 * Sends everything to one peer, over this private connection and those that follow it.
 *
 * @throws what it has failed with
 */
export async function sendTo(plain: PipedChannel, following: NextChannel, sending: Sending): Promise<void> {
  const { report, secret, signal } = sending;
  const { peer } = plain;
  plain.on('error', () => undefined);
  report('connected', `private connection with ${peer}`, { peer });
  try {
    const encrypted = secret && (await encrypt(plain, secret, signal));
    if (encrypted) report('encrypted', `encrypted from end to end with ${peer}`, { peer });
    await sendThrough(encrypted ?? plain, encrypted ? encryptNext(following, encrypted) : following, sending);
  } finally {
    following.release();
  }
}

/**
 * Sends everything over a private connection that is encrypted already, where it is to be, and over those that follow it.
 *
 * @param onChannel called with each of them
 * @throws what it has failed with
 */
export async function sendThrough(
  first: PipedChannel,
  next: NextChannel,
  sending: Sending,
  onChannel: (channel: PipedChannel) => void = () => undefined,
): Promise<void> {
  const { report, offer, view } = sending;
  const { peer } = first;
  const effort = new Effort();
  report('offer', `offering ${peer} ${offerSummary(offer)}`, {
    peer,
    kind: offer.kind,
    name: offer.items[0]?.name ?? null,
    items: offer.itemCount,
    entries: offer.entries,
    bytes: offer.bytes,
  });
  try {
    const run = (channel: PipedChannel): Promise<TransferResult> => {
      onChannel(channel);
      return sendOver(channel, next, effort, sending);
    };
    const result = await runReturning(first, run, { ...sending, next });
    reportDone(report, peer, 'sent', result, effort);
  } finally {
    view.remove(peer);
  }
}

async function sendOver(
  channel: PipedChannel,
  next: NextChannel,
  effort: Effort,
  sending: Sending,
): Promise<TransferResult> {
  const { sources, rules, offer, flags, report, view, signal } = sending;
  const { peer } = channel;
  const sender = new FileSender(channel, {
    sources,
    rules,
    offer,
    compress: flags.compress,
    bytesPerSecond: flags.limitRate,
    reasonOf,
    signal,
    onEvent: (event) => {
      if (event.type === 'accepted') {
        report('accepted', undefined, { peer, entries: offer.entries, bytes: offer.bytes });
        view.add(peer, () => sender.progress, offer);
      } else if (event.type === 'entry') {
        effort.reportEntry(report, peer, event);
      }
    },
  });
  try {
    const result = await sender.send();
    if (!('stream' in result)) return result;
    const { limitRate } = flags;
    const input = streamedInput(sending);
    const paced = limitRate === undefined ? input : limitSource(input, limitRate);
    return await carryStream(result, { input: paced, output: DISCARD_SINK }, { ...sending, next });
  } catch (error) {
    effort.lose(sender.progress);
    throw error;
  } finally {
    view.remove(peer);
  }
}

/** Standard input, or the one file that the receiver wants as a stream. */
function streamedInput({ input, sources }: Sending): ByteSource {
  if (input) return input;
  const fd = openSync(sources[0]!.path, 'r');
  const source = descriptorSource(fd);
  const close = (): void => {
    source.close();
    closeSync(fd);
  };
  return { size: source.size, read: () => source.read(), close };
}

/** Fails as the first one of several did, and says how many have. */
export async function sendToAll(
  peers: readonly string[],
  send: (peer: string) => Promise<void>,
  report: TransferReport,
  signal: AbortSignal,
): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(
    peers.map(async (peer) => {
      try {
        await send(peer);
      } catch (error) {
        failures.push(error);
        if (peers.length === 1 || signal.aborted || !isChatosError(error)) return;
        const { code, message } = error;
        report('broken', `${peer}: ${message}`, { peer, code, message });
      }
    }),
  );
  const [first] = failures;
  if (failures.length === 0) return;
  if (peers.length === 1 || !isChatosError(first)) throw first;
  const message = `${failures.length} of ${peers.length} receivers did not get everything: ${first.message}`;
  throw new ChatosError(first.code, message, { cause: first });
}

/** The private connections that follow one that we have asked for. */
export function askAgain(client: ChatosClient, peer: string): NextChannel {
  return {
    next: async (signal) => client.request(peer, { timeoutMs: Infinity, signal }),
    release: () => undefined,
  };
}
