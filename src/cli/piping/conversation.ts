import { isatty } from 'node:tty';
import { isChatosError } from '../../errors.ts';
import { EMPTY_SOURCE } from '../../transfer/bytes.ts';
import { descriptorKind } from '../../transfer/descriptor.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import type { ChannelSecret } from '../../transfer/secure/secret.ts';
import type { VerifiedPipe } from '../../transfer/verified/verified-pipe.ts';
import { pause } from '../../util/timeout.ts';
import { endTypedInput } from '../terminal/input.ts';
import { encrypt, encryptNext } from './encryption.ts';
import type { PipeFlags } from './flags.ts';
import type { Report } from './report.ts';
import { transfer, type TransferEnds } from './transfer.ts';
import type { VerifiedSettings } from './verified.ts';

/**
 * A program that uses us as its connection, as ssh does, ends us by a signal when it is done. Its peer may leave a moment
 * sooner: what ended us is the signal, if it comes within this time.
 */
const SIGNAL_MS = 200;

/** What conversations need of the command. */
export interface ConversationSettings {
  readonly flags: PipeFlags;
  readonly report: Report;
  /** Our login. */
  readonly login: string;
  /** Joined with the channel, unless a process is. */
  readonly ends: TransferEnds;
  /** With --secret or --code: what the peer must have, too. */
  readonly secret?: ChannelSecret | undefined;
  /** With --reconnect: how another channel with a peer is opened. */
  readonly reconnection?: VerifiedSettings['reconnection'];
}

/**
 * Joins a channel with what the flags say, until both directions have ended.
 *
 * @throws what has failed: the peer then sees an abort
 */
export async function converse(
  plain: PipedChannel,
  settings: ConversationSettings,
  signal: AbortSignal,
): Promise<void> {
  const { flags, report, login, ends, secret } = settings;
  const { peer } = plain;
  // A failure is reported to what uses the channel, too.
  plain.on('error', () => undefined);
  // What few conversations need is loaded for them only.
  const execution = flags.exec === undefined ? undefined : await import('./exec-process.ts');
  const verification = flags.verify ? await import('./verified.ts') : undefined;
  report('connected', `private connection with ${peer}`, { peer });
  const encrypted = secret && (await encrypt(plain, secret, signal));
  if (encrypted) report('encrypted', `encrypted from end to end with ${peer}`, { peer });
  const channel = encrypted ?? plain;
  const { reconnection } = settings;
  const reopening: ConversationSettings['reconnection'] =
    reconnection && encrypted ? (...args) => encryptNext(reconnection(...args), encrypted) : reconnection;
  const startedAt = performance.now();
  const process = execution && new execution.ExecProcess(flags.exec!, { login, peer });
  const hasUser = !process && !flags.keep && [0, 1].every((fd) => /pipe|socket/.test(descriptorKind(fd)));
  const isTyped = !process && ends.input !== EMPTY_SOURCE && isatty(0);
  const onPeerEnd = (received: number, goesOn: boolean): void => {
    // Anyone who keeps what comes in a file came to receive, and need not know Ctrl-D.
    const isOver = isTyped && received > 0 && !isatty(1);
    if (isOver) endTypedInput();
    const hint = isTyped && !isOver && goesOn ? `${peer} has ended its side; press Ctrl-D to end yours` : undefined;
    report('peer-ended', hint, { peer, received });
  };
  if (!flags.verify) channel.once('end', () => onPeerEnd(channel.bytesReceived, !channel.writableEnded));
  let release = (): void => undefined;
  const verified = (moved: TransferEnds): VerifiedPipe => {
    const made = verification!.verifiedPipe(channel, moved, { ...settings, reconnection: reopening, onPeerEnd });
    ({ release } = made);
    return made.pipe;
  };
  void process?.exited.then(({ code, signal: by }) => {
    const how = by === null ? `exited with ${code}` : `was ended by ${by}`;
    report('exec-exited', code === 0 ? undefined : `the command for ${peer} ${how}`, {
      peer,
      exitCode: code,
      signal: by,
    });
  });
  try {
    const quiet = flags.quiet === true || flags.keep === true || process !== undefined;
    const { sent, received } = await transfer(
      channel,
      process ?? ends,
      { ...flags, quiet },
      signal,
      flags.verify ? verified : undefined,
    );
    process?.leave();
    report('done', undefined, { peer, sent, received, durationMs: Math.round(performance.now() - startedAt) });
  } catch (error) {
    await process?.end();
    if (isChatosError(error, 'CHANNEL_ABORTED') && hasUser) await pause(SIGNAL_MS, signal);
    throw error;
  } finally {
    release();
    // Breaks a channel that has not ended in order: the peer must not take it for an end of file.
    channel.destroy();
  }
}
