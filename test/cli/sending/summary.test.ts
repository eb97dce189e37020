import { expect, it } from 'vitest';
import { Effort, reportDone } from '../../../src/cli/sending/summary.ts';
import type { TransferReport } from '../../../src/cli/sending/report.ts';
import type { Counts, TransferResult } from '../../../src/transfer/files/report.ts';

const COUNTS: Counts = { done: 0, already: 0, skipped: 0, refused: 0, failed: 0 };

/** What is said at the end of a transfer. */
function done(effort: Effort, result: Partial<Omit<TransferResult, 'counts'>>, counts: Partial<Counts> = { done: 1 }) {
  const reports: [string, string | undefined, object][] = [];
  const report: TransferReport = (...said) => void reports.push(said);
  const end = (): void =>
    reportDone(
      report,
      'ann',
      'sent',
      { bytes: 0, movedBytes: 0, keptBytes: 0, ...result, counts: { ...COUNTS, ...counts } },
      effort,
    );
  const error = failure(end);
  const [, text, fields] = reports[0]!;
  return { text, fields, error };
}

function failure(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

it('what was there already counts neither as sent nor in the rate', () => {
  const { text, fields } = done(new Effort(), { bytes: 3_072, movedBytes: 1_024, keptBytes: 2_048 });
  expect(text).toMatch(/^ann: sent 1 file: 1\.0 KiB in 0\.\d s, \S+ \S+\/s \(2\.0 KiB were there already\)$/);
  expect(fields).toMatchObject({ bytes: 3_072, movedBytes: 1_024, keptBytes: 2_048 });
});

it('where nothing was sent, there is no rate', () => {
  const { text } = done(new Effort(), { bytes: 5 }, { skipped: 1, already: 2 });
  expect(text).toBe('ann: sent 0 files, 2 there already, 1 skipped');
});

it('what was sent over connections that were lost counts as sent, and not as there already', () => {
  const effort = new Effort();
  effort.lose({ movedBytes: 1_000 });
  effort.lose({ movedBytes: 500 });
  const { fields } = done(effort, { bytes: 4_000, movedBytes: 1_000, keptBytes: 3_000 });
  expect(fields).toMatchObject({ bytes: 4_000, movedBytes: 2_500, keptBytes: 1_500 });
});

it.each([
  [{ refused: 1 }, 'REQUEST_REFUSED', '1 file or folder was refused by the receiver: a: it exists'],
  [{ refused: 2 }, 'REQUEST_REFUSED', '2 files or folders were refused by the receiver, the first one a: it exists'],
  [{ failed: 1, refused: 1 }, 'DATA_INCOMPLETE', '1 file or folder is missing at the receiver: b: gone'],
])('the error says why the first of %j did not arrive, as reports of it may be hidden', (counts, code, message) => {
  const effort = new Effort();
  const hidden = (): void => undefined;
  effort.reportEntry(hidden, 'ann', { path: 'c', size: 1, outcome: 'skipped', reason: 'it is here' });
  effort.reportEntry(hidden, 'ann', { path: 'a', size: 1, outcome: 'refused', reason: 'it exists' });
  effort.reportEntry(hidden, 'ann', { path: 'b', size: 1, outcome: 'failed', reason: 'gone' });
  expect(done(effort, {}, counts).error).toMatchObject({ code, message });
});

it("a peer's words cannot move the cursor", () => {
  const effort = new Effort();
  effort.reportEntry(() => undefined, 'ann', { path: '\u001B[2J', size: 1, outcome: 'refused', reason: 'so' });
  expect(done(effort, {}, { refused: 1 }).error).toMatchObject({ message: expect.not.stringContaining('\u001B') });
});
