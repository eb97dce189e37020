import process from 'node:process';
import { isChatosError } from '../../errors.ts';
import type { Connection, ServingEvents } from '../../transfer/forward/connection-events.ts';
import { toJsonLine } from '../../util/escape.ts';
import { News } from '../piping/news.ts';
import { leaveStalledReaders, notice } from '../terminal/output.ts';
import { loseOutputLines } from '../terminal/standard-streams.ts';
import type { ForwardFlags } from './flags.ts';

/** What `forward --json` reports, with the fields of each: an API, which docs/forwarding.md describes. A field may be null. */
export const FORWARD_EVENTS = {
  'logged-in': ['login', 'server'],
  retrying: ['server', 'code', 'message', 'delayMs'],
  waiting: ['peer'],
  refused: ['peer'],
  broken: ['peer', 'code', 'message'],
  code: ['code'],
  connected: ['peer'],
  encrypted: ['peer'],
  listening: ['kind', 'address', 'target', 'peer'],
  opened: ['from', 'target'],
  closed: ['from', 'target', 'ending', 'sent', 'received', 'durationMs'],
  failed: ['from', 'target', 'code', 'message'],
  gone: ['peer', 'code', 'message'],
  lost: ['lines'],
} as const;

type ForwardEvent = keyof typeof FORWARD_EVENTS;
type FieldsOf<E extends ForwardEvent> = {
  readonly [F in (typeof FORWARD_EVENTS)[E][number]]: string | number | null;
};

/** Reports what has happened: with `--json` the type and the fields, on standard output, else the text, if there is one. */
export type ForwardReport = <E extends ForwardEvent>(type: E, text: string | undefined, fields: FieldsOf<E>) => void;

/** Where the reader of the reports stalls, those beyond a megabyte are lost, and counted. */
export function forwardReporter({ json, quiet }: ForwardFlags): ForwardReport {
  leaveStalledReaders({ logFormat: json ? 'json' : 'text' });
  if (json) loseOutputLines((lines) => toJsonLine({ type: 'lost', lines }));
  return (type, text, fields) => {
    if (json) process.stdout.write(`${toJsonLine({ type, ...fields })}\n`);
    else if (!quiet && text !== undefined) notice(text);
  };
}

/** Reports connections: for a person those that failed, the same once in a while; for programs each. */
export function connectionEvents(report: ForwardReport, { json }: ForwardFlags): ServingEvents {
  const news = new News();
  return {
    onOpened: (connection) => report('opened', undefined, { ...connection }),
    onClosed: (connection, { ending, sent, received }, durationMs) =>
      report('closed', idleText(connection, ending), { ...connection, ending, sent, received, durationMs }),
    onFailed: ({ from, target }, error) => {
      const { message } = error;
      const code = isChatosError(error) ? error.code : 'CONNECT_FAILED';
      if (json || news.isNews(`${target} ${message}`))
        report('failed', `no connection for ${from}: ${message}`, { from, target, code, message });
    },
    onRefused: (peer, target, { code, message }) => {
      if (json || news.isNews(`${target} ${message}`))
        report('failed', `refused ${peer}: ${message}`, { from: peer, target, code, message });
    },
  };
}

function idleText({ from, target }: Connection, ending: string): string | undefined {
  return ending === 'timed-out' ? `closed the connection of ${from} with ${target}: nothing moved` : undefined;
}
