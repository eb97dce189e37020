import process from 'node:process';
import { createInterface, type Interface } from 'node:readline/promises';
import { closest } from '../../util/closest.ts';
import { EXIT, ExitSignal } from '../terminal/exit.ts';
import { notice } from '../terminal/output.ts';
import { botNameProblem } from './names.ts';
import { TEMPLATES, type TemplateName } from './templates.ts';

/** Whether there is somebody to ask. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

const NAMES = Object.keys(TEMPLATES) as TemplateName[];
const DEFAULT: TemplateName = 'command';

/**
 * Asks on the terminal which bot is meant. Enter takes what stands in brackets; what cannot be is asked again.
 *
 * @throws {ExitSignal} with 130 on Ctrl-C and Ctrl-D
 */
export async function askForBot(): Promise<{ readonly template: TemplateName; readonly name: string }> {
  const leave = new AbortController();
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.on('SIGINT', () => leave.abort()).on('close', () => leave.abort());
  try {
    const width = Math.max(...NAMES.map((name) => name.length));
    const list = NAMES.map((name, index) => `  ${index + 1}  ${name.padEnd(width)}  ${TEMPLATES[name]}`);
    notice(['which kind of bot?', ...list].join('\n'));
    const template = await ask(lines, leave.signal, `number or name [${DEFAULT}]: `, readTemplate, DEFAULT);
    const name = await ask(lines, leave.signal, `its name [${template}]: `, readName, template);
    return { template, name };
  } finally {
    lines.close();
  }
}

/** What an answer means, or why it cannot be. */
type Answer<T> = { readonly value: T } | { readonly problem: string };

function readTemplate(answer: string): Answer<TemplateName> {
  const name = NAMES.find((each, index) => each === answer || String(index + 1) === answer);
  if (name) return { value: name };
  const near = closest(answer, NAMES);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return { problem: `expected 1 to ${NAMES.length}, or one of the names${hint}` };
}

function readName(answer: string): Answer<string> {
  const problem = botNameProblem(answer);
  return problem === undefined ? { value: answer } : { problem };
}

async function ask<T>(
  lines: Interface,
  signal: AbortSignal,
  question: string,
  read: (answer: string) => Answer<T>,
  otherwise: T,
): Promise<T> {
  for (;;) {
    const typed = await lines.question(question, { signal }).catch(() => {
      // Ctrl-C leaves the cursor in the line.
      process.stderr.write('\n');
      throw new ExitSignal(EXIT.interrupted);
    });
    const answer = typed.trim();
    if (answer === '') return otherwise;
    const result = read(answer);
    if ('value' in result) return result.value;
    notice(result.problem);
  }
}
