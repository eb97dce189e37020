import { existsSync, statSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { ChatosError, messageOf } from '../../errors.ts';
import { loginProblem } from '../../protocol/login.ts';
import { makeDirectories } from '../../util/make-directories.ts';
import { quote } from '../../util/quote.ts';
import { notice } from '../terminal/output.ts';

/** The templates, each `NAME.ts` and `NAME.test.ts` in `bots/templates`, and what each creates. */
export const TEMPLATES = {
  echo: 'a bot that answers every message',
  command: 'commands with arguments and a store',
  announce: 'messages at fixed times',
  pipe: 'a bot that keeps the files that friends send over private connections',
  files: 'a bot that serves files over private connections',
} as const;

const DIRECTORY = new URL('../../../bots/templates/', import.meta.url);

interface NewFlags {
  readonly directory?: string;
  readonly force?: boolean;
}

export function register(command: Command): void {
  const templates = Object.entries(TEMPLATES).map(([name, what]) => `  ${name.padEnd(10)}${what}`);
  command
    .usage('[options] <template> [name]')
    .addArgument(new Argument('[template]', 'the kind of bot').choices(Object.keys(TEMPLATES)))
    .addArgument(new Argument('[name]', 'the name of the bot (default: that of the template)').argParser(nameArgument))
    .option('--directory <directory>', 'the folder for the files (default: the working directory)')
    .option('--force', 'overwrite existing files')
    .addHelpText(
      'after',
      `
Templates:
${templates.join('\n')}

Examples:
  $ chatosbot new command dice
  $ chatosbot new echo --directory bots`,
    )
    .action(create);
}

/** A name that can be a file name and a login. */
function nameArgument(name: string): string {
  if (!/^[\p{L}\p{N}][\p{L}\p{N}_-]*$/u.test(name)) {
    throw new InvalidArgumentError('a name has letters, digits, - and _, and begins with a letter or a digit');
  }
  const problem = loginProblem(name);
  if (problem !== undefined) throw new InvalidArgumentError(`it is also the bot's login: ${problem}`);
  return name;
}

async function create(
  template: keyof typeof TEMPLATES | undefined,
  wanted: string | undefined,
  flags: NewFlags,
  command: Command,
): Promise<void> {
  if (template === undefined) return command.error(`name a template: ${Object.keys(TEMPLATES).join(', ')}`);
  const name = wanted ?? template;
  const directory = path.resolve(flags.directory ?? '.');
  const files = await Promise.all(
    ['.ts', '.test.ts'].map(async (ending) => {
      const text = await readFile(new URL(`${template}${ending}`, DIRECTORY), 'utf8');
      const file = path.join(directory, `${name}${ending}`);
      return { file, shown: shown(file), text: text.replaceAll(`'./${template}.ts'`, `'./${name}.ts'`) };
    }),
  );
  const there = files.filter(({ file }) => existsSync(file)).map((each) => each.shown);
  if (there.length > 0 && !flags.force) {
    const exist = there.length > 1 ? 'exist' : 'exists';
    throw new ChatosError('INVALID_ARGUMENT', `${there.join(' and ')} already ${exist}; --force overwrites`);
  }
  // Both are written to drafts before either is renamed: a full disk changes nothing.
  const drafts = files.map((each) => ({ ...each, draft: `${each.file}.${process.pid}.tmp` }));
  try {
    for (const { shown: where, file, draft, text } of drafts) {
      await attempt(where, async () => {
        if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a directory');
        await makeDirectories(directory);
        await writeFile(draft, text, { flag: 'wx' });
      });
    }
    for (const { shown: where, file, draft } of drafts) await attempt(where, () => rename(draft, file));
  } finally {
    for (const { draft } of drafts) await rm(draft, { force: true }).catch(() => undefined);
  }
  const [bot, test] = files.map((each) => each.shown);
  const [botWord, testWord] = [quote(bot!), quote(test!)];
  notice(
    `created ${bot} and ${test}; next:\n  npx chatosbot test ${botWord} ${testWord}\n  npx chatosbot run ${botWord}`,
  );
}

async function attempt(where: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `cannot create ${where}: ${messageOf(error)}`, { cause: error });
  }
}

function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
