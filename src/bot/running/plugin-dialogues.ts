import { randomBytes } from 'node:crypto';
import { ChatosError } from '../../errors.ts';
import type { Awaitable, Beginning, Message } from '../plugin/context.ts';
import { DialogueCourse, type DialogueCourseOptions } from './dialogue-course.ts';
import type { KeptDialogue } from './dialogue-records.ts';
import { stepOf } from './dialogue-step.ts';
import { toJson } from './json-data.ts';

export interface PluginDialoguesOptions extends DialogueCourseOptions {
  /** Whether the plugin may be called, and there is a session. */
  readonly isOpen: () => boolean;
  /** Calls something of the plugin for a user. Never rejects. */
  readonly call: (peer: string, run: () => Awaitable<void>) => Promise<unknown>;
}

/**
 * The dialogues of one plugin: each is one question at a time to one user. How far it has come is kept in the store, so that
 * it goes on after a restart or a reload.
 */
export class PluginDialogues {
  readonly #options: PluginDialoguesOptions;
  readonly #course: DialogueCourse;

  constructor(options: PluginDialoguesOptions) {
    this.#options = options;
    this.#course = new DialogueCourse(options);
  }

  /** Whether the plugin has any. */
  get any(): boolean {
    return this.#options.dialogues.size > 0;
  }

  /** How many are in progress. */
  get count(): number {
    return this.#options.records.size;
  }

  /** Whether a message would be an answer, as far as that is known. */
  awaits({ from, private: isPrivate }: Message): boolean {
    return this.count > 0 && this.#options.records.get(from)?.private === isPrivate;
  }

  /** Whether it is not known yet what was kept. */
  get isReading(): boolean {
    return this.any && !this.#options.records.isRead;
  }

  /** Reads what was kept, asks again what was not asked, and ends what cannot go on. Never rejects. */
  async start(): Promise<void> {
    if (this.any) await this.#options.records.read(this.#options.log);
    await this.resume();
  }

  /** The plugin may be called again, or there is a session again: asks what was not asked. Never rejects. */
  async resume(): Promise<void> {
    const { records, isOpen, call, log, dialogues } = this.#options;
    if (this.isReading) return;
    for (const kept of records.all()) {
      const { name, step, peer, asked } = kept;
      const isLost = !stepOf(kept, dialogues);
      if (!isOpen() || (asked && !isLost)) continue;
      await call(peer, async () => {
        if (records.isBusy(peer) || !records.has(kept)) return;
        if (isLost) log.warn('a dialogue has ended: the plugin no longer has its step', { dialogue: name, step, peer });
        if (isLost) return this.#course.end(kept, 'updated');
        await records.whileAsking(peer, () => this.#course.ask(kept));
        // From now on there may be an answer.
        await this.#course.asked(kept);
      });
    }
  }

  /**
   * Begins a dialogue with a user; resolves when the first question has left.
   *
   * @param to a message, to ask where it was said, or a login, to ask in private
   * @throws {ChatosError} `IN_DIALOGUE`, `INVALID_ARGUMENT`, `QUEUE_FULL`, what the store throws, or what sending throws
   */
  async begin<Data>(dialogue: Beginning<Data>, to: Message | string, data: Data = dialogue.data): Promise<void> {
    const { records, timers, log, dialogues } = this.#options;
    const name = this.#nameOf(dialogue);
    await records.read(log);
    const [peer, isPrivate] = typeof to === 'string' ? [to, true] : [to.from, to.private];
    const current = records.get(peer);
    if (current) {
      const fields = { peer, dialogue: current.name };
      throw new ChatosError('IN_DIALOGUE', `${peer} has the dialogue '${current.name}' to finish first`, { fields });
    }
    const kept: KeptDialogue = {
      id: randomBytes(6).toString('base64url'),
      name,
      step: Object.keys(dialogue.steps)[0]!,
      peer,
      private: isPrivate,
      data: toJson(data, 'a dialogue'),
      wrong: 0,
      asked: false,
      until: this.#course.deadline(dialogues.get(name)),
    };
    await records.whileAsking(peer, async () => {
      await records.set(kept);
      try {
        await timers.set(kept);
        await this.#course.ask(kept);
      } catch (error) {
        await this.#course.drop(kept);
        throw error;
      }
    });
    // From now on there may be an answer.
    await this.#course.asked(kept);
  }

  /**
   * Ends a dialogue with a user for the plugin; resolves to whether the user had it to finish.
   *
   * @throws {ChatosError} `INVALID_ARGUMENT`, or what the store throws
   */
  async endBy(dialogue: Beginning, peer: string): Promise<boolean> {
    const { records, log } = this.#options;
    const name = this.#nameOf(dialogue);
    await records.read(log);
    await records.asked(peer);
    const kept = records.get(peer);
    if (kept?.name !== name) return false;
    await this.#course.drop(kept);
    return true;
  }

  /** The name of the dialogue that a message answers; `undefined` if it answers none. */
  async answered({ from, private: isPrivate }: Message): Promise<string | undefined> {
    const { records, log } = this.#options;
    if (!this.any) return undefined;
    await records.read(log);
    await records.asked(from);
    const kept = records.get(from);
    return kept?.private === isPrivate && !records.isBusy(from) ? kept.name : undefined;
  }

  /** Handles an answer. */
  async answer(message: Message): Promise<void> {
    const { records } = this.#options;
    const kept = records.get(message.from);
    if (kept && !records.isBusy(message.from)) {
      await records.whileBusy(message.from, () => this.#course.handle(kept, message));
    }
  }

  /** Ends the dialogue with the sender of a message, and says so; returns whether there was one. */
  async cancel(message: Message): Promise<boolean> {
    const { records, log } = this.#options;
    if (this.any) await records.read(log);
    await records.asked(message.from);
    const kept = records.get(message.from);
    if (kept?.private !== message.private) return false;
    await this.#course.end(kept, 'cancelled');
    return true;
  }

  /** Ends a dialogue whose time is up; what it gets is the data of the timer. */
  async expire(data: unknown): Promise<void> {
    const { records, timers, clock, log, dialogues } = this.#options;
    await records.read(log);
    const { id, peer } = data as Pick<KeptDialogue, 'id' | 'peer'>;
    const kept = records.get(peer);
    if (kept?.id !== id) return;
    const isLate = kept.until <= clock.now().getTime();
    if (isLate && !records.isBusy(peer)) return this.#course.end(kept, 'timed out');
    // There was an answer since the timer was set, or there is one just now.
    await timers.set(isLate ? { ...kept, until: this.#course.deadline(dialogues.get(kept.name)) } : kept);
  }

  #nameOf(dialogue: Beginning): string {
    for (const [name, known] of this.#options.dialogues) if (known === dialogue) return name;
    const why = "the dialogue is not among the plugin's: name it in the part 'dialogues', as { dialogues: { order } }";
    throw new ChatosError('INVALID_ARGUMENT', why);
  }
}
