import type { Entry } from './entry.ts';
import { ruleBroken, unsafe } from './failures.ts';
import type { NameClaim } from './name-claim.ts';
import { linkProblem, portabilityProblem, splitPath } from './names.ts';
import type { Offer } from './offer.ts';
import { TargetFolder } from './target-folder.ts';

/** An entry, and the folder that it comes into. */
export interface Arrival {
  readonly index: number;
  readonly entry: Entry;
  readonly folder: TargetFolder;
  /** What it is called in the folder. */
  name: string;
  /** What says that it is being received. */
  claim?: NameClaim;
  /** Where the entry is a folder itself. */
  readonly own: TargetFolder | undefined;
}

/**
 * The folders on the way to the entry that came last. Entries come folder by folder: each is in one of them, and nothing
 * leads through anything but them.
 */
export class FolderStack {
  readonly #stack: TargetFolder[];
  readonly #offer: Offer;
  readonly #anyNames: boolean;
  readonly #rename: string | undefined;
  #topCount = 0;

  /**
   * @param anyNames whether names are allowed that collide or mean something else on other systems
   * @param rename what the only item is to be called
   */
  constructor(root: TargetFolder, offer: Offer, anyNames: boolean, rename: string | undefined) {
    this.#stack = [root];
    this.#offer = offer;
    this.#anyNames = anyNames;
    this.#rename = rename;
  }

  /**
   * Finds the place of an entry.
   *
   * @param onLeft called for each folder in which nothing more is announced
   * @throws {ChatosError} `DATA_INCOMPLETE` where it must not be written
   */
  place(index: number, entry: Entry, onLeft: (folder: TargetFolder) => void): Arrival {
    const names = splitPath(entry.path);
    if ('problem' in names) throw unsafe(names.problem);
    const depth = names.length - 1;
    this.closeTo(depth + 1, onLeft);
    const folder = this.#stack[depth];
    if (!folder || folder.names.some((name, at) => name !== names[at])) {
      throw unsafe(`the path '${entry.path}' is in no folder that was sent`);
    }
    const name = names[depth]!;
    this.#checkName(folder, name, entry);
    if (depth === 0) this.#checkItem(name, entry);
    let own: TargetFolder | undefined;
    if (entry.kind === 'folder') {
      own = new TargetFolder(names, undefined, folder, entry);
      // Until it is made.
      own.begin();
      this.#stack.push(own);
    }
    folder.begin();
    const called = depth === 0 ? (this.#rename ?? name) : name;
    return { index, entry, folder, name: called, own };
  }

  /** Nothing more is announced in the folders beyond the first ones. */
  closeTo(length: number, onLeft: (folder: TargetFolder) => void): void {
    while (this.#stack.length > length) {
      const folder = this.#stack.pop()!;
      folder.close();
      onLeft(folder);
    }
  }

  #checkName(folder: TargetFolder, name: string, entry: Entry): void {
    const problem = this.#anyNames ? undefined : portabilityProblem(name);
    const hint = '(--any-names allows such names)';
    if (problem !== undefined) throw unsafe(`${problem} ${hint}`);
    if (!folder.claim(name, this.#anyNames)) {
      throw unsafe(
        `the name '${entry.path}' comes twice, for systems that do not tell case or forms of Unicode apart ${hint}`,
      );
    }
    if (entry.kind !== 'link') return;
    const why = linkProblem(entry.target, folder.names.length);
    if (why !== undefined) throw unsafe(`the link '${entry.path}' to '${entry.target}': ${why}`);
  }

  /** What is at the top must be what the user was asked about. */
  #checkItem(name: string, { kind, path }: Entry): void {
    const { items, itemCount } = this.#offer;
    const item = items[this.#topCount];
    this.#topCount += 1;
    if (this.#topCount > itemCount || (item && (item.name !== name || item.kind !== kind))) {
      throw unsafe(`'${path}' was not offered`);
    }
    if (kind === 'link') throw ruleBroken('a link at the top');
  }
}
