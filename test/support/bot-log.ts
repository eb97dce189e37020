/** A logger that keeps its lines, so that a test can wait for one. */
import type { LogFields, Logger, LogLevel } from '../../src/util/log.ts';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

type Match = (line: LogLine) => boolean;

export class MemoryLog implements Logger {
  readonly lines: LogLine[];
  readonly #waiting: Set<{ match: Match; resolve: (line: LogLine) => void }>;
  readonly #bound: LogFields;

  constructor(parent?: MemoryLog, bound: LogFields = {}) {
    this.lines = parent ? parent.lines : [];
    this.#waiting = parent ? parent.#waiting : new Set();
    this.#bound = bound;
  }

  readonly debug = (message: string, fields?: LogFields): void => this.#add('debug', message, fields);
  readonly info = (message: string, fields?: LogFields): void => this.#add('info', message, fields);
  readonly warn = (message: string, fields?: LogFields): void => this.#add('warn', message, fields);
  readonly error = (message: string, fields?: LogFields): void => this.#add('error', message, fields);

  with(fields: LogFields): Logger {
    return new MemoryLog(this, { ...this.#bound, ...fields });
  }

  /** The lines so far whose message matches. */
  about(text: RegExp): LogLine[] {
    return this.lines.filter(({ message }) => text.test(message));
  }

  /** The first line, already there or yet to come, whose message matches. */
  until(text: RegExp): Promise<LogLine> {
    const match: Match = ({ message }) => text.test(message);
    const found = this.lines.find(match);
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.add({ match, resolve }));
  }

  #add(level: LogLevel, message: string, fields: LogFields = {}): void {
    const line = { level, message, fields: { ...this.#bound, ...fields } };
    this.lines.push(line);
    for (const waiter of this.#waiting) {
      if (!waiter.match(line)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(line);
    }
  }
}
