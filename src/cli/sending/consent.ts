import { statfs } from 'node:fs/promises';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { ChatosError } from '../../errors.ts';
import type { Offer } from '../../transfer/files/offer.ts';
import { formatBytes } from '../../util/printable.ts';
import { notice } from '../terminal/output.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { DEFAULT_MAX_ENTRIES, type ReceiveFlags } from './flags.ts';
import { offerLines, offerSummary } from './offer-text.ts';

/** Whether there is somebody to ask. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** One question at a time, where several peers send at once. */
let asking: Promise<void> = Promise.resolve();

/**
 * Decides whether to take what a peer offers: by the limits of the flags, and by the user, who is asked on the terminal.
 *
 * @throws {ChatosError} `REQUEST_REFUSED` where it is not taken
 */
export async function decide(
  offer: Offer,
  peer: string,
  flags: ReceiveFlags,
  into: string,
  signal: AbortSignal,
): Promise<void> {
  const { maxEntries, maxSize, output, yes } = flags;
  if (offer.entries > maxEntries) {
    const most = maxEntries === DEFAULT_MAX_ENTRIES ? `${maxEntries} (see --max-entries)` : `${maxEntries}`;
    throw refusal(peer, `${offer.entries} files and folders are more than ${most}`);
  }
  if (maxSize !== undefined && offer.bytes > maxSize) {
    throw refusal(peer, `${formatBytes(offer.bytes)} are more than the ${formatBytes(maxSize)} of --max-size`);
  }
  if (output !== undefined && offer.itemCount !== 1) {
    throw refusal(peer, `${offer.itemCount} files and folders do not fit into --output, which is for one`);
  }
  if (yes) return;
  const turn = asking.then(() => ask(offer, peer, into, signal));
  asking = turn.then(
    () => undefined,
    () => undefined,
  );
  await turn;
}

async function ask(offer: Offer, peer: string, into: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const leave = new AbortController();
  const abort = (): void => leave.abort();
  signal.addEventListener('abort', abort, { once: true });
  let isInterrupted = false;
  // Ctrl-D closes it: that is no yes.
  lines.on('close', abort).on('SIGINT', () => {
    isInterrupted = true;
    abort();
  });
  // Back from Ctrl-Z: readline has paused itself.
  lines.on('SIGCONT', () => lines.resume());
  try {
    notice([`${peer} wants to send ${offerSummary(offer)}:`, ...offerLines(offer)].join('\n'));
    const free = await freeBytes(into);
    if (free !== undefined && free < offer.bytes) notice(`(there is room for ${formatBytes(free)} only)`);
    const answer = await lines.question(`receive into ${into}? [y/N] `, { signal: leave.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch (error) {
    // Ctrl-C and Ctrl-D leave the cursor in the line.
    process.stderr.write('\n');
    if (!leave.signal.aborted) throw error;
    signal.throwIfAborted();
    if (isInterrupted) throw new ExitSignal(EXIT.interrupted);
  } finally {
    signal.removeEventListener('abort', abort);
    lines.close();
  }
  throw refusal(peer, 'the user did not want it');
}

async function freeBytes(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function refusal(peer: string, why: string): ChatosError {
  return new ChatosError('REQUEST_REFUSED', `refused what ${peer} offers: ${why}`, { fields: { peer, why } });
}
