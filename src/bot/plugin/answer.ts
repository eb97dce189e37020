import { readValue } from './arg-values.ts';
import { quoted } from './command-line.ts';
import type { AnswerSpec } from './dialogue.ts';

/** Reads an answer; the problem is a sentence for the user. */
export async function readAnswer(
  spec: AnswerSpec | undefined,
  text: string,
  now: Date,
): Promise<{ readonly value: unknown } | { readonly problem: string }> {
  const line = text.trim();
  if (!spec) return { value: line };
  const read = readValue(spec, line, now);
  if ('problem' in read) return { problem: `It must be ${read.problem}, not '${quoted(line)}'.` };
  const schema = 'schema' in spec ? spec.schema : undefined;
  if (!schema) return read;
  const result = await schema['~standard'].validate(read.value);
  if (result.issues) return { problem: result.issues[0]?.message ?? NOT_VALID };
  return { value: result.value };
}

/** What is said where nobody says what is wrong. */
export const NOT_VALID = 'That is not a valid answer.';
