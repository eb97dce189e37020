import process from 'node:process';
import { clearScreenDown, cursorTo, moveCursor, type Interface } from 'node:readline';
import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';

/** A message, or a line of a private connection. */
export interface Said {
  readonly type: 'message' | 'private' | 'channel';
  readonly from: string;
  /** The login that it was sent to; `undefined` for everyone. */
  readonly to?: string | undefined;
  readonly text: string;
}

/** Where a conversation is shown: messages on standard output, everything else on standard error. */
export interface ChatView {
  /** From now on a person types at this prompt: output goes above it. */
  attach(prompt: Interface): void;
  said(event: Said): void;
  notice(text: string): void;
}

/** Removes all rows of the line that is being typed from the screen; `prompt` shows it again further down. */
function clearPrompt(prompt: Interface): void {
  moveCursor(process.stderr, 0, -prompt.getCursorPos().rows);
  cursorTo(process.stderr, 0);
  clearScreenDown(process.stderr);
  // Not public: readline would go up that many rows before it shows the line, over what is shown in between.
  (prompt as unknown as { prevRows: number }).prevRows = 0;
}

const clock = (): string => new Date().toTimeString().slice(0, 8);

function lineOf({ type, from, to, text }: Said, times: boolean): string {
  const who = {
    message: from,
    private: `${from} -> ${to}`,
    channel: `[${from}${to === undefined ? '' : ` -> ${to}`}]`,
  };
  return `${times ? `${clock()} ` : ''}${escapeUnsafe(who[type])}: ${escapeUnsafe(text)}`;
}

/**
 * Lines of text; on a terminal, above the line that is being typed.
 *
 * @param options.times whether each line begins with the time
 */
export function textView({ times = true }: { readonly times?: boolean } = {}): ChatView {
  let prompt: Interface | undefined;
  const show = (stream: NodeJS.WriteStream, line: string): void => {
    if (prompt) clearPrompt(prompt);
    stream.write(`${line}\n`);
    prompt?.prompt(true);
  };
  return {
    attach: (lines) => {
      prompt = lines;
      lines.once('close', () => (prompt = undefined));
    },
    said: (event) => show(process.stdout, lineOf(event, times)),
    notice: (text) => show(process.stderr, `* ${escapeUnsafe(text)}`),
  };
}

/** A JSON object a line. */
export function jsonView(): ChatView {
  const write = (event: object): void => void process.stdout.write(`${toJsonLine(event)}\n`);
  return {
    attach: () => undefined,
    said: (event) => write({ time: new Date().toISOString(), ...event }),
    notice: (text) => write({ time: new Date().toISOString(), type: 'notice', text }),
  };
}
