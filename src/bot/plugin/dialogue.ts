import type { Duration } from '../../util/duration.ts';
import type { ArgSpec, ArgValue } from './commands.ts';
import type { Awaitable, Beginning, Context, Message } from './context.ts';

/** What the answer to a step must be: as an argument of a command, but for lists of words. */
export type AnswerSpec = Exclude<ArgSpec, { readonly type: 'words' }>;

/** The type of an answer. @internal */
export type AnswerValue<Spec> = [Spec] extends [AnswerSpec] ? ArgValue<Spec> : string;

/** An answer to a step. */
export interface Answered<Answer = unknown, Data = unknown> {
  /** The answer, as the step's `answer` reads it. */
  readonly answer: Answer;
  /** The data of the dialogue: what a step changes is kept for those that follow. */
  readonly data: Data;
  /** The message that is the answer. */
  readonly message: Message;
}

/** A step of a dialogue: a question, and what becomes of its answer. */
export interface DialogueStep<Spec = unknown, Data = unknown, Name = string> {
  /** The question, or a function that makes it of the data. */
  readonly ask: string | { of(data: Data): string }['of'];
  /** What the answer must be, as an argument of a command: `{ type: 'integer', min: 1 }`. @default any text */
  readonly answer?: Spec & AnswerSpec;
  /** Returns `true` for a valid answer, or a text that says what is wrong, which the user is told. @default all are valid */
  readonly validate?: {
    check(given: Answered<AnswerValue<Spec>, Data>, ctx: Context): Awaitable<true | string>;
  }['check'];
  /** Does something with a valid answer. If it throws, the dialogue ends. */
  readonly run?: { run(given: Answered<AnswerValue<Spec>, Data>, ctx: Context): unknown }['run'];
  /** The step that follows, or a function that chooses it. @default none: the dialogue is over */
  readonly next?: Name | { of(given: Answered<AnswerValue<Spec>, Data>): Name | undefined }['of'];
}

/**
 * Why a dialogue has ended before its last step: by the user, without an answer in time, after too many invalid answers, as
 * a step threw, or as a newer version of the plugin does not have the step.
 */
export type DialogueEnd = 'cancelled' | 'timed out' | 'invalid' | 'failed' | 'updated';

/** A dialogue that has ended before its last step. */
export interface EndedDialogue<Data = unknown> {
  /** Why it has ended. */
  readonly reason: DialogueEnd;
  /** The login of the user. */
  readonly peer: string;
  /** What the steps before have made of the data. */
  readonly data: Data;
}

/** How a dialogue goes. */
export interface DialogueSpec<Data, Specs> {
  /** The data at first, as JSON of at most 16 KiB. */
  readonly data: Data;
  /** How long each answer may take. @default '1h' */
  readonly timeout?: Duration;
  /** How many more answers to a step are taken after an invalid one. @default 2 */
  readonly retries?: number;
  /** Answers by which the user gives up, besides `!cancel`; case is ignored. @default none */
  readonly cancel?: readonly string[];
  /** Called when it has ended before its last step, and not by {@link Context.end}; the user has been told. */
  readonly onEnd?: { run(ended: EndedDialogue<Data>, ctx: Context): unknown }['run'];
  /** The steps by name. The first one is where the dialogue begins. */
  readonly steps: { readonly [Name in keyof Specs]: DialogueStep<Specs[Name], Data, keyof Specs> };
}

/** A dialogue, as {@link defineDialogue} returns it: for the plugin's `dialogues`, and for {@link Context.begin}. */
export interface Dialogue<Data = unknown> extends Beginning<Data>, Omit<DialogueSpec<Data, unknown>, 'steps'> {
  /** The steps by name. The first one is where the dialogue begins. */
  readonly steps: Readonly<Record<string, DialogueStep>>;
}

/**
 * Returns the dialogue unchanged: it adds the types of its data, answers and steps.
 *
 * @example
 * const order = defineDialogue({
 *   data: { size: '' },
 *   steps: {
 *     size: { ask: 'Which size?', run: ({ answer, data }) => void (data.size = answer), next: 'street' },
 *     street: { ask: 'Where to?', run: ({ answer, data, message }) => message.reply(`${data.size}, to ${answer}.`) },
 *   },
 * });
 */
export function defineDialogue<Data, const Specs>(dialogue: DialogueSpec<Data, Specs>): Dialogue<Data> {
  return dialogue as unknown as Dialogue<Data>;
}
