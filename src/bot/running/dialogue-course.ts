import { messageOf } from '../../errors.ts';
import type { Clock } from '../../util/clock.ts';
import { durationMs } from '../../util/duration.ts';
import type { Logger } from '../../util/log.ts';
import type { Context, Message } from '../plugin/context.ts';
import type { Dialogue, DialogueEnd } from '../plugin/dialogue.ts';
import type { DialogueRecords, KeptDialogue } from './dialogue-records.ts';
import { isCancel, judge, nextStep, questionOf, stepOf } from './dialogue-step.ts';
import { toJson } from './json-data.ts';

const DEFAULT_TIMEOUT = '1h';
const DEFAULT_RETRIES = 2;
/** No date is later. */
const LAST_DATE_MS = 8.64e15;

/** What users are told when a dialogue ends before its last step. */
const WORDS: Readonly<Record<DialogueEnd, string>> = {
  cancelled: 'Cancelled.',
  'timed out': 'That took too long: I no longer wait for your answer.',
  invalid: 'I have asked often enough: I no longer wait for your answer.',
  failed: 'Something went wrong.',
  updated: 'I have been updated, and no longer wait for your answer.',
};

/** The timers of a plugin that end its dialogues, also those of a later process. */
export interface DialogueTimers {
  /** Has a dialogue looked at when its time is up. */
  set(kept: Pick<KeptDialogue, 'id' | 'peer' | 'until'>): Promise<unknown>;
  /** Forgets that of a dialogue, by its id. */
  drop(id: string): Promise<unknown>;
}

export interface DialogueCourseOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The dialogues of the plugin, by name. */
  readonly dialogues: ReadonlyMap<string, Dialogue>;
  readonly records: DialogueRecords;
  readonly context: () => Context;
  /** The timers that end dialogues without an answer. */
  readonly timers: DialogueTimers;
  /** Sends a text to one, or to everyone. */
  readonly speak: (to: string | undefined, text: string) => Promise<void>;
}

/** How dialogues go on, from question to question, and how they end. */
export class DialogueCourse {
  readonly #options: DialogueCourseOptions;

  constructor(options: DialogueCourseOptions) {
    this.#options = options;
  }

  /** Handles an answer to the current step. May throw what the plugin throws: the dialogue has ended then. */
  async handle(kept: KeptDialogue, message: Message): Promise<void> {
    const { records, context, dialogues } = this.#options;
    const dialogue = dialogues.get(kept.name);
    const step = stepOf(kept, dialogues);
    if (!dialogue || !step) return this.end(kept, 'updated');
    if (isCancel(dialogue, message.text)) return this.end(kept, 'cancelled');
    // Where the process ends within the step, the question is asked again.
    let current: KeptDialogue = { ...kept, asked: false };
    try {
      await records.set(current);
      const verdict = await judge(step, message, kept.data, context());
      if ('problem' in verdict) return await this.#reject(current, dialogue, message, verdict.problem);
      const { given } = verdict;
      await step.run?.(given, context());
      const next = nextStep(step, given, dialogue);
      if (!records.has(current)) return;
      if (next === undefined) return await this.drop(current);
      const data = toJson(given.data, 'a dialogue');
      current = { ...current, step: next, data, wrong: 0, until: this.deadline(dialogue) };
      await records.set(current);
    } catch (error) {
      // What the stop cuts short is asked again after it, as what a crash does.
      if (!context().signal.aborted) await this.#fail(current);
      throw error;
    }
    await this.ask(current);
    await this.asked(current);
  }

  async #reject(kept: KeptDialogue, dialogue: Dialogue, message: Message, why: string): Promise<void> {
    const { records } = this.#options;
    const { retries = DEFAULT_RETRIES } = dialogue;
    await message.reply(why);
    if (!records.has(kept)) return;
    if (kept.wrong >= retries) return this.end(kept, 'invalid');
    await records.set({ ...kept, wrong: kept.wrong + 1, asked: true, until: this.deadline(dialogue) });
  }

  /** Puts the question of the current step. One that cannot be made ends the dialogue. */
  async ask(kept: KeptDialogue): Promise<void> {
    const { dialogues } = this.#options;
    let question: string;
    try {
      question = questionOf(stepOf(kept, dialogues)!, kept.data);
    } catch (error) {
      await this.#fail(kept);
      throw error;
    }
    await this.#tell(kept, question);
  }

  /** Keeps that the question has left, unless there is an answer already. */
  async asked(kept: KeptDialogue): Promise<void> {
    const { records } = this.#options;
    if (records.has(kept)) await records.set({ ...kept, asked: true });
  }

  /** Forgets a dialogue. */
  async drop(kept: KeptDialogue): Promise<void> {
    const { records, timers } = this.#options;
    await Promise.all([records.delete(kept), timers.drop(kept.id)]);
  }

  /** Ends a dialogue, unless it has gone on meanwhile. May throw what the plugin throws. */
  async end(kept: KeptDialogue, why: DialogueEnd): Promise<void> {
    const { records, log, dialogues, context } = this.#options;
    if (!records.has(kept)) return;
    try {
      await this.drop(kept);
    } catch (error) {
      log.warn(`a dialogue that has ended may go on after a restart: ${messageOf(error)}`, { dialogue: kept.name });
    }
    try {
      await this.#tell(kept, WORDS[why]);
    } finally {
      const { name, peer, data } = kept;
      const ended = { reason: why, peer, data: JSON.parse(data) as unknown };
      await dialogues.get(name)?.onEnd?.(ended, context());
    }
  }

  /** Ends a dialogue of which something has thrown: what its end throws hides that not. Never rejects. */
  async #fail(kept: KeptDialogue): Promise<void> {
    await this.end(kept, 'failed').catch((error: unknown) => {
      this.#options.log.warn(`what ends a dialogue failed, too: ${messageOf(error)}`, { dialogue: kept.name });
    });
  }

  async #tell({ peer, private: isPrivate }: KeptDialogue, text: string): Promise<void> {
    await this.#options.speak(isPrivate ? peer : undefined, text);
  }

  /** Until when an answer is waited for that is asked for now, in ms since 1970. */
  deadline(dialogue: Dialogue | undefined): number {
    return Math.min(
      this.#options.clock.now().getTime() + durationMs(dialogue?.timeout ?? DEFAULT_TIMEOUT),
      LAST_DATE_MS,
    );
  }
}
