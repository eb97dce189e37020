import path from 'node:path';
import { Argument, Option, type Command } from 'commander';
import { ChatosError } from '../../errors.ts';
import { quote } from '../../util/quote.ts';
import { createFiles, createFolder, shown, writeFiles } from '../creating/files.ts';
import { botNameArgument, projectNameProblem } from '../creating/names.ts';
import { dependOnOwnPackage } from '../creating/own-package.ts';
import { projectFiles } from '../creating/project.ts';
import { askForBot, canAsk } from '../creating/questions.ts';
import { initRepository } from '../creating/repository.ts';
import { botFiles, TEMPLATES, type TemplateName } from '../creating/templates.ts';
import { notice } from '../terminal/output.ts';
import { interruptibly } from '../terminal/signals.ts';

interface NewFlags {
  readonly directory?: string;
  readonly force?: boolean;
  readonly project?: string;
  readonly git: boolean;
}

export function register(command: Command): void {
  const templates = Object.entries(TEMPLATES).map(([name, what]) => `  ${name.padEnd(10)}${what}`);
  command
    .usage('[options] [template] [name]')
    .addArgument(new Argument('[template]', 'the kind of bot').choices(Object.keys(TEMPLATES)))
    .addArgument(
      new Argument('[name]', "the name of the bot (default: the template's, or the project's)").argParser(
        botNameArgument,
      ),
    )
    .addOption(
      new Option(
        '--project <folder>',
        'make a folder for a bot, with all that editors, npm, git and systemd need',
      ).conflicts(['directory', 'force']),
    )
    .option('--no-git', 'make no repository of git of the project')
    .option('--directory <directory>', 'the folder for the files (default: the working directory)')
    .option('--force', 'overwrite existing files')
    .addHelpText(
      'after',
      `
Templates:
${templates.join('\n')}

Examples:
  $ chatosbot new
  $ chatosbot new command dice
  $ chatosbot new echo --directory bots
  $ chatosbot new --project lunch

On a terminal, it asks for what is not given. A project has a bot of the template 'command', unless another is named.`,
    )
    .action(create);
}

async function create(
  template: TemplateName | undefined,
  name: string | undefined,
  flags: NewFlags,
  command: Command,
): Promise<void> {
  if (flags.project !== undefined) return createProject(flags.project, template ?? 'command', name, flags);
  if (!flags.git) throw new ChatosError('INVALID_ARGUMENT', '--no-git is for --project');
  if (template !== undefined) return createBot(template, name ?? template, flags);
  if (!canAsk()) return command.error(`name a template: ${Object.keys(TEMPLATES).join(', ')}`);
  const asked = await askForBot();
  return createBot(asked.template, asked.name, flags);
}

async function createBot(template: TemplateName, name: string, { directory = '.', force }: NewFlags): Promise<void> {
  const files = await botFiles(template, name);
  await createFiles(path.resolve(directory), files, { overwrites: force === true });
  const [bot, test] = files.map((file) => shown(path.resolve(directory, file.path)));
  const [botWord, testWord] = [quote(bot!), quote(test!)];
  notice(
    `created ${bot} and ${test}; next:\n  npx chatosbot test ${botWord} ${testWord}\n  npx chatosbot run ${botWord}`,
  );
}

async function createProject(
  folder: string,
  template: TemplateName,
  botName: string | undefined,
  { git }: NewFlags,
): Promise<void> {
  const directory = path.resolve(folder);
  const name = path.basename(directory);
  const problem = projectNameProblem(name);
  if (problem !== undefined) throw new ChatosError('INVALID_ARGUMENT', `'${name}': ${problem}`);
  await interruptibly((signal) =>
    createFolder(directory, async (draft) => {
      const chatosbot = await dependOnOwnPackage(draft, signal);
      await writeFiles(draft, await projectFiles({ name, bot: botName ?? name, template, chatosbot }));
      signal.throwIfAborted();
    }),
  );
  const made = git && (await initRepository(directory)) ? ', a repository of git' : '';
  const enter = directory === process.cwd() ? '' : `  cd ${quote(shown(directory))}\n`;
  notice(`created ${shown(directory)}${made}; next:\n${enter}  npm install\n  npm test\n  npm start`);
}
