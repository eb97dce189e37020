import path from 'node:path';
import { expect } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ChatosError } from '../../src/errors.ts';
import { tempDirectory, writeText } from '../support/bot-files.ts';

/** Writes a configuration into an empty directory; returns its path. */
export async function writeConfig(text: string, name = 'chatosbot.config.yaml'): Promise<string> {
  return writeText(await tempDirectory(), name, text);
}

/** The complaints about a file, a line each, with `FILE` for its path; an empty list where it is right. */
export async function complaintsAbout(file: string): Promise<string[]> {
  try {
    await loadConfig({ file });
    return [];
  } catch (error) {
    if (!(error instanceof ChatosError) || error.code !== 'INVALID_CONFIG') throw error;
    const shown = path.relative(process.cwd(), file);
    return error.message.split('\n').map((line) => line.replaceAll(file, 'FILE').replaceAll(shown, 'FILE'));
  }
}

/** The same for the text of a file. */
export async function complaints(text: string, name?: string): Promise<string[]> {
  return complaintsAbout(await writeConfig(text, name));
}

/** A text as it is, or one that matches. */
export function like(expected: string | RegExp): unknown {
  return typeof expected === 'string' ? expected : expect.stringMatching(expected);
}
