import { ChatosError } from '../../errors.ts';
import { closest } from '../../util/closest.ts';
import { NOT_VALID, readAnswer } from '../plugin/answer.ts';
import type { Context, Message } from '../plugin/context.ts';
import type { Answered, Dialogue, DialogueStep } from '../plugin/dialogue.ts';
import type { KeptDialogue } from './dialogue-records.ts';

/** An answer, whose own type only the plugin knows. */
type AnyAnswered = Answered<string>;

/** The step that a dialogue has come to; `undefined` where the plugin does not have it. */
export function stepOf(
  { name, step }: Pick<KeptDialogue, 'name' | 'step'>,
  dialogues: ReadonlyMap<string, Dialogue>,
): DialogueStep | undefined {
  const steps = dialogues.get(name)?.steps ?? {};
  return Object.hasOwn(steps, step) ? steps[step] : undefined;
}

/** The question of a step. May throw what the plugin throws. */
export function questionOf({ ask }: DialogueStep, data: string): string {
  return typeof ask === 'function' ? ask(JSON.parse(data) as unknown) : ask;
}

/** Reads the answer to a step, and checks it; the problem is for the user. May throw what the plugin throws. */
export async function judge(
  { answer, validate }: DialogueStep,
  message: Message,
  data: string,
  ctx: Context,
): Promise<{ readonly given: AnyAnswered } | { readonly problem: string }> {
  const read = await readAnswer(answer, message.text, ctx.now());
  if ('problem' in read) return read;
  const given: AnyAnswered = { answer: read.value as string, data: JSON.parse(data) as unknown, message };
  // Plugins may be JavaScript: only true is yes.
  const verdict: unknown = validate ? await validate(given, ctx) : true;
  if (verdict === true) return { given };
  return { problem: typeof verdict === 'string' && verdict !== '' ? verdict : NOT_VALID };
}

/**
 * The name of the step that follows; `undefined` where the dialogue is over. May throw what the plugin throws.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` if there is no such step
 */
export function nextStep({ next }: DialogueStep, given: AnyAnswered, { steps }: Dialogue): string | undefined {
  const name = typeof next === 'function' ? next(given) : next;
  if (name === undefined || Object.hasOwn(steps, name)) return name;
  const known = Object.keys(steps);
  const near = closest(name, known);
  const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean '${near}'?`;
  throw new ChatosError('INVALID_ARGUMENT', `there is no step '${name}' to follow; ${hint}`);
}

/** Whether a user gives up with these words. */
export function isCancel({ cancel = [] }: Dialogue, text: string): boolean {
  return cancel.some((word) => plain(word) === plain(text));
}

function plain(text: string): string {
  return text.trim().toLowerCase();
}
