import type { OfAccount } from '../../bot/events.ts';
import type { RecordingLine } from '../../bot/recording/recording.ts';
import type { LoadedConfig } from '../../config/read.ts';
import { ChatosError } from '../../errors.ts';
import { plansOf, type PlannedBot } from '../running/bot-plans.ts';
import { chooseEntry } from '../running/entry-choice.ts';

/**
 * The bots of the account of a recording: the entries that the configuration has of them, else the files that they were
 * run from.
 *
 * @param events those of the account
 * @param recording the recording, as the user named it
 * @throws {ChatosError} `INVALID_ARGUMENT` where one is not found, or the configuration has several entries of it
 */
export function recordedBots(
  events: readonly RecordingLine[],
  account: OfAccount,
  loaded: LoadedConfig,
  recording: string,
): PlannedBot[] {
  const missing: string[] = [];
  const found = [...recordedFiles(events)].flatMap(([name, file]) => {
    const entries = plansOf(name, file, loaded);
    if (entries.length > 0) return chooseEntry(entries, { file: name, ...account }, loaded);
    missing.push(file === undefined || file === '' ? name : `${name} (${file})`);
    return [];
  });
  if (found.length > 0 && missing.length === 0) return found;
  const who =
    missing.length === 0
      ? 'it names no bots'
      : `there is no file, and no entry of the configuration, of ${missing.join(', ')}`;
  throw new ChatosError('INVALID_ARGUMENT', `${recording}: ${who}; name the files of the bots of ${account.login}`);
}

/** The files of the recorded bots by name; `undefined` where an older version has not recorded them. */
function recordedFiles(events: readonly RecordingLine[]): Map<string, string | undefined> {
  const files = new Map<string, string | undefined>();
  for (const event of events) {
    if (event.type !== 'connected') continue;
    for (const [index, name] of event.bots.entries()) files.set(name, event.files?.[index]);
  }
  return files;
}
