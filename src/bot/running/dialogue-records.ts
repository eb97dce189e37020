import { ChatosError, messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import { loginKey } from '../../util/login-key.ts';
import type { Store } from '../store/store.ts';

/** Dialogues that one plugin may have in progress. */
const MAX_DIALOGUES = 10_000;
/** What they may take in all, in bytes: a part of what the runtime may keep of a plugin. */
const MAX_TOTAL_BYTES = 3 * 1024 * 1024;
/** What one takes besides its data, about. */
const DIALOGUE_BYTES = 256;
const PREFIX = 'dialogue ';

/** How far a dialogue has come. A change of it is another object. */
export interface KeptDialogue {
  /** Tells it from others with the same user. */
  readonly id: string;
  readonly name: string;
  readonly step: string;
  /** The login of the user. */
  readonly peer: string;
  /** Whether it is in private. */
  readonly private: boolean;
  /** As JSON. */
  readonly data: string;
  /** Invalid answers to this step so far. */
  readonly wrong: number;
  /** Whether the question has left, and its answer has not come: else it is asked again after a restart. */
  readonly asked: boolean;
  /** Until when the answer is waited for, in ms since 1970. */
  readonly until: number;
}

/** The dialogues of one plugin that are in progress, one for each user, which all its versions share. */
export class DialogueRecords {
  readonly #records: Pick<Store, 'set' | 'delete' | 'entries'>;
  /** By the user. */
  readonly #kept = new Map<string, KeptDialogue>();
  /** The users whose answer is being handled. */
  readonly #busy = new Set<string>();
  /** The questions that are on their way, by user. */
  readonly #asking = new Map<string, Promise<void>>();
  #bytes = 0;
  #reading: Promise<void> | undefined;
  #isRead = false;

  constructor(records: Pick<Store, 'set' | 'delete' | 'entries'>) {
    this.#records = records;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Whether those that were kept before are known. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Reads what was kept, once. Never rejects: what cannot be read is logged. */
  read(log: Logger): Promise<void> {
    this.#reading ??= this.#read(log);
    return this.#reading;
  }

  all(): KeptDialogue[] {
    return [...this.#kept.values()];
  }

  get(peer: string): KeptDialogue | undefined {
    return this.#kept.get(loginKey(peer));
  }

  /** Whether a dialogue is as it was. */
  has(kept: KeptDialogue): boolean {
    return this.get(kept.peer) === kept;
  }

  /** Whether an answer of the user is being handled, or a question is on its way. */
  isBusy(peer: string): boolean {
    const key = loginKey(peer);
    return this.#busy.has(key) || this.#asking.has(key);
  }

  /** Puts a question to a user. What the user says meanwhile can wait for {@link DialogueRecords.asked}. */
  async whileAsking(peer: string, ask: () => Promise<void>): Promise<void> {
    const key = loginKey(peer);
    const asking = ask();
    this.#asking.set(
      key,
      asking.catch(() => undefined),
    );
    try {
      await asking;
    } finally {
      this.#asking.delete(key);
    }
  }

  /** Resolves when no question is on its way to a user. */
  async asked(peer: string): Promise<void> {
    await this.#asking.get(loginKey(peer));
  }

  /** Handles an answer; meanwhile the user counts as busy. */
  async whileBusy<T>(peer: string, run: () => Promise<T>): Promise<T> {
    const key = loginKey(peer);
    this.#busy.add(key);
    try {
      return await run();
    } finally {
      this.#busy.delete(key);
    }
  }

  /**
   * Keeps a dialogue, in the place of what there is with this user; resolves when it is on disk.
   *
   * @throws {ChatosError} `QUEUE_FULL` where there are too many, or what the store throws: all is as before then
   */
  async set(kept: KeptDialogue): Promise<void> {
    const key = loginKey(kept.peer);
    const before = this.#kept.get(key);
    const bytes = this.#bytes + bytesOf(kept) - (before ? bytesOf(before) : 0);
    if ((!before && this.#kept.size >= MAX_DIALOGUES) || bytes > MAX_TOTAL_BYTES) {
      const fields = { maxDialogues: MAX_DIALOGUES, maxTotalBytes: MAX_TOTAL_BYTES };
      throw new ChatosError('QUEUE_FULL', `the plugin has ${this.#kept.size} dialogues already`, { fields });
    }
    this.#put(key, kept);
    try {
      await this.#records.set(PREFIX + key, kept);
    } catch (error) {
      if (this.#kept.get(key) === kept) this.#put(key, before);
      throw error;
    }
  }

  /** Forgets a dialogue, if it is as it was; returns whether it was. */
  async delete(kept: KeptDialogue): Promise<boolean> {
    if (!this.has(kept)) return false;
    const key = loginKey(kept.peer);
    this.#put(key, undefined);
    await this.#records.delete(PREFIX + key);
    return true;
  }

  #put(key: string, kept: KeptDialogue | undefined): void {
    const before = this.#kept.get(key);
    this.#bytes += (kept ? bytesOf(kept) : 0) - (before ? bytesOf(before) : 0);
    if (kept) this.#kept.set(key, kept);
    else this.#kept.delete(key);
  }

  async #read(log: Logger): Promise<void> {
    try {
      for await (const [key, value] of this.#records.entries({ prefix: PREFIX })) {
        const kept = readRecord(value);
        if (kept && !this.get(kept.peer)) this.#put(key.slice(PREFIX.length), kept);
      }
    } catch (error) {
      log.warn(`the dialogues that were kept cannot be read: ${messageOf(error)}`);
    }
    this.#isRead = true;
  }
}

function bytesOf({ data, name, step }: KeptDialogue): number {
  return DIALOGUE_BYTES + Buffer.byteLength(data) + Buffer.byteLength(name) + Buffer.byteLength(step);
}

/** A dialogue as it was kept; `undefined` where that is of no use. */
function readRecord(value: unknown): KeptDialogue | undefined {
  const record = (value ?? {}) as Readonly<Record<string, unknown>>;
  const texts = ['id', 'name', 'step', 'peer', 'data'].every((key) => typeof record[key] === 'string');
  const flags = ['private', 'asked'].every((key) => typeof record[key] === 'boolean');
  const numbers = ['wrong', 'until'].every((key) => typeof record[key] === 'number');
  return texts && flags && numbers ? (value as KeptDialogue) : undefined;
}
