import { messageOf } from '../../errors.ts';
import { unknownKeys } from '../../util/closest.ts';
import { argProblems, isDuration } from '../plugin/arg-checks.ts';
import type { ArgSpec } from '../plugin/commands.ts';
import type { Dialogue } from '../plugin/dialogue.ts';
import { isRecord, type Report } from './validate-plugin.ts';

/** Checks dialogues; reports what is wrong. */
export function readDialogues(dialogues: unknown = {}, report: Report): Map<string, Dialogue> {
  if (!isRecord(dialogues)) report('dialogues must be { name: defineDialogue(…) }');
  const read = new Map<string, Dialogue>();
  for (const [name, dialogue] of isRecord(dialogues) ? Object.entries(dialogues) : []) {
    for (const problem of dialogueProblems(dialogue)) report(`dialogues.${name}${problem}`);
    read.set(name, dialogue as Dialogue);
  }
  return read;
}

function dialogueProblems(dialogue: unknown): string[] {
  const steps = isRecord(dialogue) ? dialogue['steps'] : undefined;
  if (!isRecord(dialogue) || !isRecord(steps)) return [' must be { data, steps: { name: { ask } } }'];
  const { data, timeout, retries = 0, cancel = [], onEnd } = dialogue;
  const names = Object.keys(steps);
  const isCount = retries === Infinity || (Number.isInteger(retries) && (retries as number) >= 0);
  const isWords = Array.isArray(cancel) && cancel.every((word) => typeof word === 'string' && word.trim() !== '');
  const problems = [
    ...unknownKeys(dialogue, ['data', 'timeout', 'retries', 'cancel', 'onEnd', 'steps']).map(
      (problem) => `: ${problem}`,
    ),
    ...(isJson(data) ? [] : ['.data is missing, or not JSON']),
    ...(isDuration(timeout) && timeout !== Infinity ? [] : ['.timeout is not a length of time, such as 30m']),
    ...(isCount ? [] : ['.retries must be a whole number, 0 or more']),
    ...(isWords ? [] : ['.cancel must be a list of words']),
    ...(onEnd === undefined || typeof onEnd === 'function' ? [] : ['.onEnd is not a function']),
    ...(names.length === 0 ? ['.steps has no step'] : []),
  ];
  for (const [name, step] of Object.entries(steps)) {
    for (const problem of stepProblems(name, step, names)) problems.push(`.steps.${name}: ${problem}`);
  }
  return problems;
}

function stepProblems(name: string, step: unknown, names: readonly string[]): string[] {
  if (!isRecord(step)) return ['must be { ask, answer?, validate?, run?, next? }'];
  const { ask, answer, validate, run, next } = step;
  // JavaScript puts such keys first, and the first step is the beginning.
  const problems = /^\d+$/.test(name) ? ['a name must not be a number'] : [];
  problems.push(...unknownKeys(step, ['ask', 'answer', 'validate', 'run', 'next']));
  const isQuestion = typeof ask === 'function' || (typeof ask === 'string' && ask !== '');
  if (!isQuestion) problems.push('ask must be a question, or a function that makes it');
  for (const [key, value] of Object.entries({ validate, run })) {
    if (value !== undefined && typeof value !== 'function') problems.push(`${key} is not a function`);
  }
  if (typeof next === 'string' && !names.includes(next)) problems.push(`there is no step '${next}' to follow`);
  else if (!['undefined', 'string', 'function'].includes(typeof next))
    problems.push('next must be a step, or a function');
  if (answer !== undefined) problems.push(...answerProblems(answer));
  return problems;
}

function answerProblems(answer: unknown): string[] {
  if (!isRecord(answer)) return ['answer must be { type }'];
  const meaningless = ['optional', 'flag', 'default'].filter((key) => answer[key] !== undefined);
  if (meaningless.length > 0) return [`answer: ${meaningless.join(', ')} makes no sense: a question has one answer`];
  if (answer['type'] === 'words') return ['answer: words is for commands; use text'];
  return argProblems({ answer: answer as unknown as ArgSpec });
}

function isJson(data: unknown): boolean {
  try {
    return JSON.stringify(data) !== undefined;
  } catch (error) {
    return messageOf(error) === '';
  }
}
