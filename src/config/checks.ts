import * as v from 'valibot';
import { messageOf } from '../errors.ts';
import { loginProblem } from '../protocol/login.ts';

/** What is right unless the function says why not; the reason becomes the message of the error. */
export function checked(problem: (text: string) => string | undefined) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const message = problem(dataset.value);
    if (message !== undefined) addIssue({ message });
  });
}

/** The message of what a function throws. */
export const thrown = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
};

/** A text that a function can read; what it throws becomes the message of the error. */
export const parsed = (parse: (text: string) => unknown, what: string) =>
  v.pipe(
    v.string(),
    checked((text) => thrown(() => parse(text))),
    v.description(what),
  );

/** A login, as the server takes it (P7). */
export const loginText = (what: string) =>
  v.pipe(
    v.string(),
    checked((text) => {
      const problem = loginProblem(text);
      return problem && `'${text}' is not a login: ${problem}`;
    }),
    v.description(what),
  );

/** What a timer can hold: 24 days in milliseconds. */
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
