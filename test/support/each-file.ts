/**
 * What helpers do before and after the tests of each file, as files that run in the same process share them. Apart from what
 * sees to it, as that is loaded again for each file.
 */
interface Helper {
  readonly begin?: () => unknown;
  readonly end: () => Promise<void> | void;
}

const helpers: Helper[] = [];

/** For the file that loads the helper, too. */
export function aroundEachFile(helper: Helper): void {
  helper.begin?.();
  helpers.push(helper);
}

export function beginFile(): void {
  for (const { begin } of helpers) begin?.();
}

/** The helper that was loaded last ends first. */
export async function endFile(): Promise<void> {
  for (const { end } of helpers.toReversed()) await end();
}
