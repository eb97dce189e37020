import * as v from 'valibot';
import { messageOf } from '../errors.ts';
import { loginProblem } from '../protocol/login.ts';

/** A check that returns the problem of a text; it becomes the message of the error. */
export function checked(problem: (text: string) => string | undefined) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const message = problem(dataset.value);
    if (message !== undefined) addIssue({ message });
  });
}

/** The message of the error that a function throws. */
export const thrown = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
};

/** A text that a function parses; the error that it throws becomes the message. */
export const parsed = (parse: (text: string) => unknown, what: string) =>
  v.pipe(
    v.string(),
    checked((text) => thrown(() => parse(text))),
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

/** The longest time of a timer: 24 days in milliseconds. */
const MAX_LIMIT = 2 ** 31 - 1;

/** A whole number of 1 or more. */
export const limit = (what: string, max = MAX_LIMIT) =>
  v.optional(
    v.pipe(
      v.number(),
      v.integer('expected a whole number'),
      v.minValue(1, 'expected 1 or more'),
      v.maxValue(max, `expected ${max} or less`),
      v.description(what),
    ),
  );
