import type { Channel } from '../../client/channel.ts';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { formatAddress } from '../../net/address.ts';
import { formatAddresses } from '../../net/address-list.ts';
import type { ChannelSecret } from '../../transfer/secure/secret.ts';
import type { SecureChannel } from '../../transfer/secure/secure-channel.ts';
import { commandServer, connectCommand } from '../connecting/connect.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { askPeer } from '../piping/asking.ts';
import { encrypt, encryptNext } from '../piping/encryption.ts';
import { codeLogin } from './code-number.ts';
import { DEFAULT_CODE_WAIT_S } from './flags.ts';
import { keepKey, KeptKeys, type KeptKey } from './kept-keys.ts';
import { receiveThrough, type Receiving } from './receiving-files.ts';
import { askAgain } from './sending-files.ts';

/** A code that leads to a sender. */
export interface NumberedCode {
  readonly number: number;
  readonly words: string;
}

/**
 * Receives from the sender whom a code leads to. Where this user has received by the same code before, and was interrupted,
 * it goes on by what both sides have agreed on then: the code itself is used up.
 *
 * @throws {ChatosError} `PEER_ABSENT` where there is no such sender, `WRONG_SECRET` where the code is another one or was
 *   used; or what it has failed with
 */
export async function receiveByCode({ number, words }: NumberedCode, receiving: Receiving): Promise<void> {
  const { flags, report, signal } = receiving;
  const server = await commandServer(flags);
  const keys = new KeptKeys('receive', formatAddresses(server), String(number), words);
  const [kept] = keys.find();
  const login = loginFor(kept, flags.login);
  const timeoutMs = (flags.wait ?? DEFAULT_CODE_WAIT_S) * 1000;
  // The session of the one that was ended may be there for a moment.
  const triesAtFirst = flags.retry === true || kept !== undefined;
  const client = await connectCommand(
    { ...flags, server, ...(login !== undefined && { login }) },
    {
      signal,
      heartbeatMs: DEFAULT_HEARTBEAT_MS,
      reconnect: true,
      retryMs: triesAtFirst ? timeoutMs : undefined,
      prepare: (made) => reportSessions(made, report, () => true, triesAtFirst),
    },
  );
  try {
    const peer = codeLogin(number);
    report('waiting', `asking the sender with the number ${number}`, { peer });
    const plain = await findSender(client, number, timeoutMs, receiving);
    plain.on('error', () => undefined);
    report('connected', `private connection with ${peer}`, { peer });
    const secret = kept ? ({ kind: 'key', key: kept.key } as const) : ({ kind: 'code', code: words } as const);
    const channel = await encryptFor(plain, secret, number, signal);
    report('encrypted', `encrypted from end to end with ${peer}`, { peer });
    keepKey(keys, client.login, channel, flags);
    await receiveThrough(channel, encryptNext(askAgain(client, peer), channel), receiving);
    keys.forget(client);
    await client.close();
  } finally {
    await client.destroy();
  }
}

/** The sender waits for the login that has used the code. */
function loginFor(kept: KeptKey | undefined, given: string | undefined): string | undefined {
  if (!kept || given === undefined || given === kept.login) return given ?? kept?.login;
  const message = `this code was used as ${kept.login}: leave --login out to go on with it, or run send again for another code`;
  throw new ChatosError('INVALID_ARGUMENT', message);
}

async function findSender(
  client: ChatosClient,
  number: number,
  timeoutMs: number,
  { signal }: Receiving,
): Promise<Channel> {
  try {
    return await askPeer(client, codeLogin(number), { timeoutMs, signal, command: 'send' });
  } catch (error) {
    if (isChatosError(error, 'REQUEST_REFUSED')) {
      const message = `this code was used before: the sender with the number ${number} has met another receiver; run send again for another code`;
      throw new ChatosError('WRONG_SECRET', message, { cause: error, fields: { number } });
    }
    if (!isChatosError(error, 'TIMED_OUT') || !client.connected) throw error;
    const message = `there is no sender with the number ${number} on ${formatAddress(client.server)}: it has gone, or its code is for another server`;
    throw new ChatosError('PEER_ABSENT', message, { cause: error, fields: { number } });
  }
}

/** Says what to do where the two sides do not meet. */
async function encryptFor(
  plain: Channel,
  secret: ChannelSecret,
  number: number,
  signal: AbortSignal,
): Promise<SecureChannel> {
  try {
    return await encrypt(plain, secret, signal);
  } catch (error) {
    if (!isChatosError(error, 'WRONG_SECRET') || error.fields['codeUsed'] === true) throw error;
    const why =
      secret.kind === 'key'
        ? `the sender with the number ${number} is not the one that this code was used with before`
        : error.fields['peerUses'] === 'key'
          ? `this code was used before, and the sender goes on only with the one who used it (as the same user, on the same machine)`
          : undefined;
    if (why === undefined) throw error;
    const message = `${why}: run send again, and receive with the code that it prints; what is there already is not sent again`;
    throw new ChatosError('WRONG_SECRET', message, { cause: error, fields: error.fields });
  }
}
