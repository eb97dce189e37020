import { readFile } from 'node:fs/promises';
import { PACKAGE_FOLDER } from '../../own-files.ts';

/** The templates, each `NAME.ts` and `NAME.test.ts` in `bots/templates`, and what each creates. */
export const TEMPLATES = {
  echo: 'a bot that answers every message',
  command: 'commands with arguments and a store',
  announce: 'messages at fixed times',
  pipe: 'a bot that keeps the files that friends send over private connections',
  files: 'a bot that serves files over private connections',
} as const;

export type TemplateName = keyof typeof TEMPLATES;

const DIRECTORY = new URL('bots/templates/', PACKAGE_FOLDER);

/** A file that is to be created. */
export interface NewFile {
  /** Its path, within the folder that is meant. */
  readonly path: string;
  readonly text: string;
}

/** A bot and its test, under a name of their own. */
export function botFiles(template: TemplateName, name: string): Promise<NewFile[]> {
  return Promise.all(
    ['.ts', '.test.ts'].map(async (ending) => {
      const text = await readFile(new URL(`${template}${ending}`, DIRECTORY), 'utf8');
      return { path: `${name}${ending}`, text: text.replaceAll(`'./${template}.ts'`, `'./${name}.ts'`) };
    }),
  );
}
