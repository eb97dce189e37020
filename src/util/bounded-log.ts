import { clipEscaped } from './escape.ts';
import { loggerTo, type LineLevel, type LogFields, type Logger } from './log.ts';
import { TokenBucket, type Rate } from './token-bucket.ts';

/** How much may be logged. */
export interface LogBounds {
  /** Lines of each kind and level that are written; those beyond are counted. */
  readonly rate: Rate;
  /** Other rates, by kind. @default none */
  readonly rates?: Readonly<Record<string, Rate>>;
  /** Longest field, in characters as they are written; `why`, `lift` and `address`, which are in words of ours, may be longer. */
  readonly maxFieldChars: number;
  /** Longest message, in characters. */
  readonly maxMessageChars: number;
  /** What is counted together. @default the message */
  readonly kindOf?: (message: string, fields: LogFields) => string;
}

/** A logger whose lines are bounded. */
export interface BoundedLogger extends Logger {
  /** Says now how many lines were not written: for the end, and before a pause. */
  flush(): void;
}

const SWEEP_MS = 1_000;
/** Fields in words of ours, and how long they may be at least. */
const OUR_WORDS: ReadonlySet<string> = new Set(['why', 'lift', 'address']);
const MIN_WORDS_CHARS = 256;
const MAX_STACK_CHARS = 8_192;
/** Of one level; those beyond are counted together. */
const MAX_KINDS = 1_000;
const OTHERS = 'other lines';

/** Lines of one kind and level. */
interface Kind {
  readonly bucket: TokenBucket;
  suppressed: number;
}

/**
 * Bounds what others can make a program log: fields are cut, and of each kind of line (by default, those with the same
 * message) a few a second are written, then one with the number of those that were not.
 */
export function boundLog(log: Logger, bounds: LogBounds): BoundedLogger {
  const { kindOf = (message) => message, maxMessageChars, rate, rates = {} } = bounds;
  const kinds: Record<LineLevel, Map<string, Kind>> = {
    debug: new Map(),
    info: new Map(),
    warn: new Map(),
    error: new Map(),
  };
  let sweep: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(sweep);
    sweep = undefined;
    for (const [level, ofLevel] of Object.entries(kinds) as [LineLevel, Map<string, Kind>][]) {
      for (const [name, kind] of ofLevel) {
        if (kind.suppressed === 0) continue;
        log[level](`${name}: and ${kind.suppressed} more`, { suppressed: kind.suppressed });
        kind.suppressed = 0;
      }
    }
  };
  const kindFor = (level: LineLevel, name: string, now: number): Kind => {
    const ofLevel = kinds[level];
    const found = ofLevel.get(name);
    if (found) return found;
    if (ofLevel.size >= MAX_KINDS && name !== OTHERS) return kindFor(level, OTHERS, now);
    const made = { bucket: new TokenBucket(rates[name] ?? rate, now), suppressed: 0 };
    ofLevel.set(name, made);
    return made;
  };
  const bounded = loggerTo((level, message, fields) => {
    if (log.isEnabled?.(level) === false) return;
    const now = performance.now();
    const kind = kindFor(level, kindOf(message, fields), now);
    if (kind.bucket.waitMs(now) > 0) {
      kind.suppressed += 1;
      sweep ??= setTimeout(flush, SWEEP_MS).unref();
      return;
    }
    kind.bucket.consume();
    log[level](clipEscaped(message, maxMessageChars), cutFields(fields, bounds.maxFieldChars));
  });
  return { ...bounded, flush };
}

function cutFields(fields: LogFields, maxChars: number): LogFields {
  let cut: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== 'string') continue;
    const most =
      name === 'stack' ? MAX_STACK_CHARS : OUR_WORDS.has(name) ? Math.max(maxChars, MIN_WORDS_CHARS) : maxChars;
    const clipped = clipEscaped(value, most);
    if (clipped !== value) (cut ??= { ...fields })[name] = clipped;
  }
  return cut ?? fields;
}
