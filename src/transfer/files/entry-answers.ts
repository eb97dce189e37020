import { readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { ChatosError } from '../../errors.ts';
import { chunkBytesOf, chunkCount } from './chunks.ts';
import {
  freeName,
  RECEIVED_ELSEWHERE,
  resolveConflict,
  statOf,
  type ConflictMode,
  type Resolution,
} from './conflict.ts';
import { atPath, fileProblem, incomplete, isDiskFailure } from './failures.ts';
import type { Arrival } from './folder-stack.ts';
import { hashFile, NOTHING_KNOWN, openKnown } from './known-part.ts';
import { isClaimed, NameClaim } from './name-claim.ts';
import { partName } from './names.ts';
import { PartFile } from './part-file.ts';
import type { Outcome } from './report.ts';
import type { TargetFolder } from './target-folder.ts';

/** What is said to an entry that was announced. */
export type Answer =
  /** Its content is not wanted. */
  | { readonly act: 'leave'; readonly outcome: Outcome; readonly reason: string }
  /** Is it the same as what is here? */
  | { readonly act: 'check'; readonly hashes: readonly Buffer[] }
  /** It is wanted, but for the chunks that are here already. */
  | { readonly act: 'want'; readonly hashes: readonly Buffer[]; readonly part: PartFile };

/**
 * A file of a chunk or more may be gone on with by another process, which must not do so while this one writes it. What is
 * smaller begins again each time: whose file it is shows in the end.
 */
const LOCKED_BYTES = chunkBytesOf(0);

/** Where a file goes. */
type Target = Omit<Extract<Resolution, { act: 'receive' }>, 'act'>;

/** Decides what is wanted of each entry, by what is there; makes folders and links at once. */
export class EntryAnswers {
  readonly #conflict: ConflictMode;
  readonly #over: AbortSignal;
  readonly #onClaim: (claim: NameClaim) => void;

  /**
   * @param over aborted when nothing more is to be received
   * @param onClaim called for each name that is taken for a file
   */
  constructor(conflict: ConflictMode, over: AbortSignal, onClaim: (claim: NameClaim) => void) {
    this.#conflict = conflict;
    this.#over = over;
    this.#onClaim = onClaim;
  }

  /**
   * Returns what to say to an entry.
   *
   * @param differs whether it is known that what is here is not the same
   * @throws where nothing else could be written either, or it is over
   */
  async answer(arrival: Arrival, differs: boolean): Promise<Answer> {
    const { entry, folder } = arrival;
    // What it claims or opens now, nobody would let go of.
    this.#checkGoesOn();
    try {
      if (folder.blocked) return leaveIn(folder.blocked, arrival);
      if (entry.kind === 'folder') return this.#makeFolder(arrival);
      if (entry.kind === 'link') return this.#makeLink(arrival);
      return await (differs ? this.#answerConflict(arrival) : this.#answerFile(arrival));
    } catch (error) {
      if (error instanceof ChatosError || (error as NodeJS.ErrnoException).code === undefined) throw error;
      if (isDiskFailure(error)) throw atPath(error, folder.shown(arrival.name));
      if (arrival.own) arrival.own.blocked = { outcome: 'failed', reason: 'its folder could not be made' };
      return leave('failed', fileProblem(error));
    }
  }

  async #answerFile(arrival: Arrival): Promise<Answer> {
    const { entry, folder, name } = arrival;
    const there = statOf(folder.place, name);
    if (!there && !isClaimed(folder.place, name)) return this.#want(arrival, { name, replaces: false });
    if (!there) return this.#answerConflict(arrival);
    if (this.#conflict === 'skip' || !there.isFile() || there.size !== entry.size) return this.#answerConflict(arrival);
    const hashes = await hashFile(folder.place.at(name), entry.size, this.#over);
    this.#checkGoesOn();
    // It was removed, or became shorter, while it was read.
    if (hashes.length < chunkCount(entry.size)) return this.#answerConflict(arrival);
    return { act: 'check', hashes };
  }

  async #answerConflict(arrival: Arrival): Promise<Answer> {
    const resolution = resolveConflict(arrival.folder.place, arrival.name, this.#conflict, isClaimed);
    return resolution.act === 'leave' ? resolution : this.#want(arrival, resolution);
  }

  async #want(arrival: Arrival, { name, replaces, goesOn = false }: Target): Promise<Answer> {
    const { entry, folder } = arrival;
    const { place } = folder;
    arrival.name = name;
    const claim = new NameClaim(place, name);
    arrival.claim = claim;
    this.#onClaim(claim);
    const isLocked = entry.size >= LOCKED_BYTES || goesOn;
    const isFree = !isLocked || (await claim.lock());
    this.#checkGoesOn();
    if (!isFree) return leave('refused', RECEIVED_ELSEWHERE);
    if (goesOn) renameSync(place.at(name), place.at(partName(name)));
    const known = isLocked ? await openKnown(place.at(partName(name)), entry.size, this.#over) : NOTHING_KNOWN;
    const part = new PartFile(place, name, entry, known, replaces);
    if (this.#over.aborted) part.close();
    this.#checkGoesOn();
    return { act: 'want', hashes: known.hashes, part };
  }

  #makeFolder(arrival: Arrival): Answer {
    const { folder, own } = arrival;
    const there = statOf(folder.place, arrival.name);
    if (there && !there.isDirectory()) {
      if (this.#conflict !== 'rename') {
        const what = there.isSymbolicLink() ? 'a link' : 'a file';
        const outcome = this.#conflict === 'skip' ? 'skipped' : 'refused';
        own!.blocked = { outcome, reason: 'its folder was not made' };
        return leave(outcome, `there is ${what} with the name of this folder`);
      }
      arrival.name = freeName(folder.place, arrival.name, isClaimed);
    }
    own!.create(arrival.name);
    return leave('done');
  }

  #makeLink(arrival: Arrival): Answer {
    const { entry, folder } = arrival;
    const there = statOf(folder.place, arrival.name);
    if (there?.isSymbolicLink() && readlinkSync(folder.place.at(arrival.name)) === entry.target) {
      return leave('already');
    }
    if (there) {
      const mode = this.#conflict === 'resume' ? 'refuse' : this.#conflict;
      const resolution = resolveConflict(folder.place, arrival.name, mode, isClaimed);
      if (resolution.act === 'leave') return resolution;
      arrival.name = resolution.name;
      if (resolution.replaces) unlinkSync(folder.place.at(arrival.name));
    }
    symlinkSync(entry.target, folder.place.at(arrival.name));
    return leave('done');
  }

  /** It may have ended while something was waited for: what that has opened, nobody else would close. */
  #checkGoesOn(): void {
    if (this.#over.aborted) throw incomplete('stopped');
  }
}

/** What is in a folder that could not be made, folders in it too, has its outcome. */
function leaveIn(blocked: NonNullable<TargetFolder['blocked']>, { own }: Arrival): Answer {
  if (own) own.blocked = blocked;
  return leave(blocked.outcome, blocked.reason);
}

function leave(outcome: Outcome, reason = ''): Answer {
  return { act: 'leave', outcome, reason };
}
