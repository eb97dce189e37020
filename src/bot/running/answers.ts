import { ChatosError } from '../../errors.ts';
import type { AskOptions, Message } from '../plugin/context.ts';

const DEFAULT_RETRIES = 2;

/**
 * Asks until there is an answer that will do.
 *
 * @param ask puts a text to the user, and resolves to the answer
 * @throws {ChatosError} `INVALID_ARGUMENT`, `CANCELLED`, `INVALID_ANSWER`, or what `ask` throws
 */
export async function answerTo(
  question: string,
  { validate, retries = DEFAULT_RETRIES, cancel = [] }: AskOptions,
  ask: (text: string) => Promise<Message>,
): Promise<Message> {
  if (!(Number.isInteger(retries) || retries === Infinity) || retries < 0) {
    throw new ChatosError('INVALID_ARGUMENT', `retries must be a whole number, 0 or more, not ${String(retries)}`);
  }
  const words = new Set(cancel.map(plain));
  let text = question;
  for (let left = retries; ; left -= 1) {
    const answer = await ask(text);
    const fields = { peer: answer.from };
    if (words.has(plain(answer.text))) {
      throw new ChatosError('CANCELLED', `${answer.from} has cancelled the question`, { fields });
    }
    // Plugins may be JavaScript: only true is yes.
    const verdict: unknown = validate ? await validate(answer.text) : true;
    if (verdict === true) return answer;
    const why = typeof verdict === 'string' && verdict !== '' ? verdict : 'That is not a valid answer.';
    if (left <= 0) {
      await answer.reply(why);
      throw new ChatosError('INVALID_ANSWER', `${answer.from} gave no valid answer: ${why}`, { fields });
    }
    text = why;
  }
}

function plain(text: string): string {
  return text.trim().toLowerCase();
}
