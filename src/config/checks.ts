import * as v from 'valibot';
import { messageThrownBy } from '../errors.ts';
import { loginProblem } from '../protocol/login.ts';
import { MAX_TIMER_MS } from '../util/clock.ts';

/** A check that returns the problem of a text; it becomes the message of the error. */
export function checked(problem: (text: string) => string | undefined) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const message = problem(dataset.value);
    if (message !== undefined) addIssue({ message });
  });
}

/** A text that a function parses; the error that it throws becomes the message. */
export const parsed = (parse: (text: string) => unknown, what: string) =>
  v.pipe(
    v.string(),
    checked((text) => messageThrownBy(() => parse(text))),
    v.description(what),
  );

/** A login that a server accepts (P7). */
export const loginText = (what: string) =>
  v.pipe(
    v.string(),
    checked((text) => {
      const problem = loginProblem(text);
      return problem && `'${text}' is not a login: ${problem}`;
    }),
    v.description(what),
  );

/** What a limit may be, and what it is otherwise. */
export interface Bounds {
  readonly what?: string;
  /** @default no limit, as is `Infinity` */
  readonly default?: unknown;
  /** `ms` may be lifted. */
  readonly kind?: string;
  /** Whether it may be lifted. @default as the kind says */
  readonly infinity?: boolean;
  /** @default 1 */
  readonly min?: number;
  /** @default the longest time of a timer, 24 days in milliseconds */
  readonly max?: number;
}

/** A whole number within bounds; for a limit that may be lifted, `none` as well. */
export const limit = ({ what = '', default: otherwise = 'none', min = 1, max = MAX_TIMER_MS, ...row }: Bounds) => {
  const { kind, infinity = kind === 'ms' } = row;
  const number = v.pipe(
    v.number(),
    v.integer('expected a whole number'),
    v.minValue(min, `expected ${min} or more`),
    v.maxValue(max, `expected ${max} or less`),
  );
  const none = v.pipe(
    v.literal('none'),
    v.transform(() => Infinity),
  );
  const value: v.GenericSchema<number | 'none', number> = infinity
    ? v.union([number, none], 'expected a number, or none for no limit')
    : number;
  const text = `${what} Default: ${otherwise === Infinity ? 'none' : String(otherwise)}.`.trimStart();
  return v.optional(v.pipe(value, v.description(text)));
};

/** An entry for each limit; `otherwise` is what counts without one, if that is not the default of its row. */
export const limitEntries = <Name extends string>(rows: Readonly<Record<Name, Bounds>>, otherwise?: string) =>
  Object.fromEntries(
    Object.entries<Bounds>(rows).map(([name, row]) => [name, limit({ ...row, default: otherwise ?? row.default })]),
  ) as Record<Name, ReturnType<typeof limit>>;
