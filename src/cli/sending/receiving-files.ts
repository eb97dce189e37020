import path from 'node:path';
import { encodeOffer, type Offer } from '../../transfer/files/offer.ts';
import { FileReceiver } from '../../transfer/files/receiver.ts';
import type { TransferResult } from '../../transfer/files/report.ts';
import { EMPTY_SOURCE, type ByteSink } from '../../transfer/bytes.ts';
import { streamFile, type StreamFile } from '../../transfer/files/stream-file.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import type { ChannelSecret } from '../../transfer/secure/secret.ts';
import { encrypt, encryptNext } from '../piping/encryption.ts';
import { inNumber } from '../../util/printable.ts';
import type { NextChannel } from '../piping/verified.ts';
import { decide } from './consent.ts';
import type { ReceiveFlags } from './flags.ts';
import { offerSummary } from './offer-text.ts';
import type { ProgressView } from './progress-view.ts';
import { reasonOf } from './reasons.ts';
import type { TransferReport } from './report.ts';
import { runReturning } from './returning.ts';
import { carryStream } from './streaming.ts';
import { Effort, reportDone } from './summary.ts';

/** How it is received. */
export interface Receiving {
  readonly flags: ReceiveFlags;
  readonly report: TransferReport;
  readonly view: ProgressView;
  readonly secret: ChannelSecret | undefined;
  /** Where it goes instead of into files. */
  readonly standardOutput?: ByteSink | undefined;
  readonly signal: AbortSignal;
}

/**
 * Receives everything that one peer sends, over this private connection and those that follow it.
 *
 * @param following where the next private connection comes from; `onBack` is called when the peer asks for one while there
 *   is one
 * @throws what it has failed with
 */
export async function receiveFrom(
  plain: PipedChannel,
  following: (onBack: () => void) => NextChannel,
  receiving: Receiving,
): Promise<void> {
  const { report, secret, signal } = receiving;
  const { peer } = plain;
  let current: PipedChannel = plain;
  plain.on('error', () => undefined);
  // A peer that was started again asks again: what there was with it is over.
  const source = following(() => current.destroy());
  try {
    report('connected', `private connection with ${peer}`, { peer });
    const encrypted = secret && (await encrypt(plain, secret, signal));
    if (encrypted) report('encrypted', `encrypted from end to end with ${peer}`, { peer });
    const next = encrypted ? encryptNext(source, encrypted) : source;
    await receiveThrough(encrypted ?? plain, next, receiving, (channel) => (current = channel));
  } finally {
    source.release();
  }
}

/**
 * Receives everything over a private connection that is encrypted already, where it is to be, and over those that follow
 * it.
 *
 * @param onChannel called with each of them
 * @throws what it has failed with
 */
export async function receiveThrough(
  first: PipedChannel,
  next: NextChannel,
  receiving: Receiving,
  onChannel: (channel: PipedChannel) => void = () => undefined,
): Promise<void> {
  const { report, view } = receiving;
  const { peer } = first;
  const effort = new Effort();
  const consent = new Consent(receiving);
  const run = (channel: PipedChannel): Promise<TransferResult> => {
    onChannel(channel);
    return receiveOver(channel, next, { consent, effort }, receiving);
  };
  try {
    const result = await runReturning(first, run, { ...receiving, next });
    reportDone(report, peer, 'received', result, effort);
  } finally {
    view.remove(peer);
  }
}

/** What was agreed to is not asked for again. */
class Consent {
  readonly #receiving: Receiving;
  #agreed: Buffer | undefined;

  constructor(receiving: Receiving) {
    this.#receiving = receiving;
  }

  async decide(offer: Offer, peer: string, signal: AbortSignal): Promise<void> {
    // The whole of it: a sender could offer more when it comes back.
    const offered = encodeOffer(offer);
    if (this.#agreed?.equals(offered)) return;
    const { flags } = this.#receiving;
    await decide(offer, peer, flags, targetOf(flags).shown, signal);
    this.#agreed = offered;
  }
}

/** Where it goes: the folder, and the name where the user gives one. */
export function targetOf({ dir, output }: ReceiveFlags): {
  readonly directory: string;
  readonly rename: string | undefined;
  readonly shown: string;
} {
  if (output === '-') return { directory: path.resolve(dir), rename: undefined, shown: 'standard output' };
  if (output === undefined) return { directory: path.resolve(dir), rename: undefined, shown: path.resolve(dir) };
  const full = path.resolve(dir, output);
  return { directory: path.dirname(full), rename: path.basename(full), shown: full };
}

async function receiveOver(
  channel: PipedChannel,
  next: NextChannel,
  { consent, effort }: { readonly consent: Consent; readonly effort: Effort },
  receiving: Receiving,
): Promise<TransferResult> {
  const { flags, report, view, signal, standardOutput } = receiving;
  const { peer } = channel;
  const { directory, rename } = targetOf(flags);
  const { conflict, anyNames = false } = flags;
  let file: StreamFile | undefined;
  const receiver = new FileReceiver(channel, {
    directory,
    rename,
    asStream: standardOutput !== undefined,
    conflict,
    anyNames,
    reasonOf,
    signal,
    decide: async (offer, over) => {
      await consent.decide(offer, peer, over);
      const name = rename ?? offer.items[0]?.name ?? '';
      if (offer.kind === 'stream' && !standardOutput) file = await streamFile(directory, name, conflict, anyNames);
    },
    onEvent: (event) => {
      if (event.type === 'offered') {
        const { kind, items, itemCount, entries, bytes } = event.offer;
        report('offer', `${peer} offers ${offerSummary(event.offer)}`, {
          peer,
          kind,
          name: items[0]?.name ?? null,
          items: itemCount,
          entries,
          bytes,
        });
      } else if (event.type === 'accepted') {
        report('accepted', undefined, { peer, entries: event.offer.entries, bytes: event.offer.bytes });
        view.add(peer, () => receiver.progress, event.offer);
      } else if (event.type === 'unreadable') {
        const reason = 'the sender cannot read it';
        report(
          'left-out',
          `left out ${event.count} ${inNumber(event.count, '{file or folder|files or folders}')}: ${reason}`,
          { path: null, reason, failed: true },
        );
      } else {
        effort.reportEntry(report, peer, event);
      }
    },
  });
  try {
    const result = await receiver.receive();
    if (!('stream' in result)) return result;
    const offer = receiver.offer!;
    const output = standardOutput ?? file!;
    return await carryStream(result, { input: EMPTY_SOURCE, output }, { ...receiving, next, offer });
  } catch (error) {
    effort.lose(receiver.progress);
    throw error;
  } finally {
    file?.release();
    view.remove(peer);
  }
}
