import path from 'node:path';
import { ChatosError } from '../../errors.ts';
import { Exclusions } from '../../transfer/files/exclusions.ts';
import type { Source, WalkRules } from '../../transfer/files/walk.ts';
import type { SendFlags } from './flags.ts';
import type { TransferReport } from './report.ts';

/**
 * What the arguments name, each with what it is called at the other side.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where two have the same name, or one has none
 */
export function sourcesOf(files: readonly string[], name: string | undefined): Source[] {
  const sources = files.map((file) => ({ path: file, name: name ?? path.basename(path.resolve(file)) }));
  const seen = new Map<string, string>();
  for (const { path: file, name: called } of sources) {
    if (called === '') throw new ChatosError('INVALID_ARGUMENT', `${file} has no name: give it one with --name`);
    const other = seen.get(called);
    if (other !== undefined) {
      throw new ChatosError(
        'INVALID_ARGUMENT',
        `${other} and ${file} have the same name, ${called}: send them one by one`,
      );
    }
    seen.set(called, file);
  }
  return sources;
}

/** What becomes of what cannot be sent: reported once, in the first walk. */
export function walkRules({ outsideLinks, exclude }: SendFlags, report: TransferReport): WalkRules {
  const reported = new Set<string>();
  return {
    outsideLinks,
    exclusions: exclude && new Exclusions(exclude),
    onLeftOut: (source, reason, failed) => {
      if (reported.has(source)) return;
      if (reported.size < 1_000) reported.add(source);
      report('left-out', `left out ${source}: ${reason}`, { path: source, reason, failed });
    },
  };
}
