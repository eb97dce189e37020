import { resolve } from 'node:path';
import type { ChatosClient } from '../../client/client.ts';
import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import { formatAddresses } from '../../net/address-list.ts';
import type { PipedChannel } from '../../transfer/pipe.ts';
import { makeCode } from '../../transfer/secure/codes.ts';
import { quote } from '../../util/quote.ts';
import { commandServer, connectCommand } from '../connecting/connect.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { encryptNext } from '../piping/encryption.ts';
import { elsewhere } from '../piping/hints.ts';
import { Listener } from '../piping/listener.ts';
import { notice } from '../terminal/output.ts';
import { claimNumber, codeLogin } from './code-number.ts';
import { KeptKeys, keepKey } from './kept-keys.ts';
import { CODE_LIFE_S } from './flags.ts';
import { Meeting } from './meeting.ts';
import { sendThrough, type Sending } from './sending-files.ts';

/**
 * Makes a code, waits for the one who has it, and sends. The first who makes a guess has the only one. A receiver of an
 * earlier run of the same, which was ended before it was done, may come back by what it has agreed on with that one.
 *
 * @throws {ChatosError} `WRONG_SECRET` where the guess was wrong; or what it has failed with
 */
export async function sendByCode(sending: Sending): Promise<void> {
  const { flags, report, signal, sources } = sending;
  const listener = new Listener(['*'], report);
  const timeoutMs = (flags.wait ?? CODE_LIFE_S) * 1000;
  const server = await commandServer(flags);
  const keys = new KeptKeys(
    'send',
    formatAddresses(server),
    ...sources.flatMap(({ path: at, name }) => [resolve(at), name]),
  );
  // Standard input is gone when it is sent again.
  const kept = sending.input ? [] : keys.find();
  let isWaiting = false;
  const connect = (login: string): Promise<ChatosClient> =>
    connectCommand(
      { ...flags, server, login },
      {
        signal,
        heartbeatMs: DEFAULT_HEARTBEAT_MS,
        reconnect: true,
        retryMs: flags.retry ? timeoutMs : undefined,
        prepare: (made) => {
          reportSessions(made, report, () => isWaiting || flags.retry === true);
          listener.listenOn(made);
        },
      },
    );
  const { client, number } = await claimNumber(
    connect,
    kept.map(({ login }) => login),
  );
  try {
    isWaiting = true;
    const code = makeCode(number);
    if (flags.quiet && !flags.json) notice(`code: ${code.text}`);
    else report('code', invitation(code.text, client.server), { code: code.text });
    report('waiting', undefined, { peer: null });
    const login = codeLogin(number);
    // Looked up when somebody comes: a key that has become too old meanwhile does not count.
    const returningKey = (): Uint8Array | undefined =>
      sending.input ? undefined : keys.find().find((each) => each.login === login)?.key;
    const meeting = new Meeting({ listener, words: code.words, returningKey, report, signal });
    const { plain, channel } = await meeting.run(timeoutMs);
    let current: PipedChannel = channel;
    const following = listener.expect(plain.peer, () => current.destroy());
    listener.refuseOthers('its code was used by another one');
    if (!sending.input) keepKey(keys, login, channel, flags);
    try {
      await sendThrough(channel, encryptNext(following, channel), sending, (each) => (current = each));
    } finally {
      following.release();
    }
    keys.forget({ login });
    await client.close();
  } finally {
    await client.destroy();
  }
}

/** What to type at the other side. */
function invitation(code: string, server: Address): string {
  const command = `chatosbot receive ${code} --server ${quote(formatAddress(server))}`;
  return `code: ${code} (for the other side, and for nobody else)\nthe other side runs: ${command}${elsewhere(server)}`;
}
