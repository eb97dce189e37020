import { DEFAULT_HEARTBEAT_MS } from '../../client/heartbeat.ts';
import { formatAddress, type Address } from '../../net/address.ts';
import { isLoopback } from '../../ops/status-address.ts';
import { makeCode } from '../../transfer/secure/codes.ts';
import { quote } from '../../util/quote.ts';
import { connectCommand } from '../connecting/connect.ts';
import { reportSessions } from '../connecting/session-reports.ts';
import { Listener } from '../piping/listener.ts';
import { notice } from '../terminal/output.ts';
import { claimNumber } from './code-number.ts';
import { sendTo, type Sending } from './sending-files.ts';

/**
 * Makes a code, waits for the one who has it, and sends. The first who asks has the only guess.
 *
 * @throws {ChatosError} `WRONG_SECRET` where the guess was wrong; or what it has failed with
 */
export async function sendByCode(sending: Sending): Promise<void> {
  const { flags, report, signal } = sending;
  const listener = new Listener(['*'], report);
  const timeoutMs = (flags.wait ?? Infinity) * 1000;
  let isWaiting = false;
  const { client, number } = await claimNumber((login) =>
    connectCommand(
      { ...flags, login },
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
    ),
  );
  try {
    isWaiting = true;
    const code = makeCode(number);
    if (flags.quiet && !flags.json) notice(`code: ${code.text}`);
    else report('code', invitation(code.text, client.server), { code: code.text });
    report('waiting', undefined, { peer: null });
    const channel = await listener.next({ timeoutMs, signal });
    const following = listener.expect(channel.peer, () => channel.destroy());
    await sendTo(channel, following, { ...sending, secret: { kind: 'code', code: code.words } });
    await client.close();
  } finally {
    await client.destroy();
  }
}

/** What to type at the other side. */
function invitation(code: string, server: Address): string {
  const isHere = isLoopback(server) || server.host === '0.0.0.0' || server.host === '::';
  const elsewhere = isHere ? `\n(on another machine, with this machine's name for ${server.host})` : '';
  const command = `chatosbot receive ${code} --server ${quote(formatAddress(server))}`;
  return `code: ${code} (for the other side, and for nobody else)\nthe other side runs: ${command}${elsewhere}`;
}
