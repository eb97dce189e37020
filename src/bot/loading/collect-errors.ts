import { ChatosError, isChatosError } from '../../errors.ts';

/** Returns what `read` returns, or adds its error to the list and returns `undefined`. */
export function attempt<T>(errors: ChatosError[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isChatosError(error)) throw error;
    errors.push(error);
    return undefined;
  }
}

/** Throws the errors, if there are any, as one with a line for each. */
export function throwAll(errors: readonly ChatosError[]): void {
  const [first] = errors;
  if (errors.length < 2) {
    if (first) throw first;
    return;
  }
  throw new ChatosError(first!.code, errors.map(({ message }) => message).join('\n'), { fields: first!.fields });
}
