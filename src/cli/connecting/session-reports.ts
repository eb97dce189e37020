import type { ChatosClient } from '../../client/client.ts';
import type { Retry } from '../../client/session-loop.ts';
import { formatAddress } from '../../net/address.ts';
import { formatAddresses } from '../../net/address-list.ts';

/** Takes what is to be said of sessions: a text for a person, where there is one, and fields for machines. */
export interface SessionReport {
  (type: 'logged-in', text: string | undefined, fields: { login: string; server: string }): void;
  (
    type: 'retrying',
    text: string | undefined,
    fields: { server: string; code: string; message: string; delayMs: number },
  ): void;
}

/**
 * Reports when a client logs in and, while that `matters`, why it tries again: in words, once for each reason in a row.
 *
 * @param triesAtFirst whether it tries again where the first attempt fails: else that is the failure of the command
 */
export function reportSessions(
  client: ChatosClient,
  report: SessionReport,
  matters: () => boolean,
  triesAtFirst = true,
): void {
  const { login } = client;
  let again = '';
  let reported = '';
  client.on('connected', () => {
    const server = formatAddress(client.server);
    if (again === '' || matters()) report('logged-in', `logged in ${again}as ${login} on ${server}`, { login, server });
    again = 'again ';
    reported = '';
  });
  client.on('retrying', ({ error: { code, message }, delayMs }: Retry) => {
    if (!matters() || (again === '' && !triesAtFirst)) return;
    const server = formatAddresses(client.servers);
    report('retrying', code === reported ? undefined : `trying again: ${message}`, { server, code, message, delayMs });
    reported = code;
  });
}
