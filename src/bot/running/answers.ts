import { ChatosError } from '../../errors.ts';
import { resolveOptions, type OptionTable } from '../../util/option-table.ts';
import type { AskOptions, Message } from '../plugin/context.ts';

const OPTIONS: OptionTable<AskOptions> = {
  timeoutMs: { kind: 'any', default: undefined },
  signal: { kind: 'any', default: undefined },
  validate: { kind: 'function', default: undefined },
  retries: { kind: 'integer', infinity: true, default: 2 },
  cancel: { kind: 'texts', default: [] },
};

/**
 * Asks until there is an answer that will do.
 *
 * @param ask puts a text to the user, and resolves to the answer
 * @throws {ChatosError} `INVALID_ARGUMENT`, `CANCELLED`, `INVALID_ANSWER`, or what `ask` throws
 */
export async function answerTo(
  question: string,
  options: AskOptions,
  ask: (text: string) => Promise<Message>,
): Promise<Message> {
  const { validate, retries, cancel } = resolveOptions('question options', options, OPTIONS) as Required<AskOptions>;
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
