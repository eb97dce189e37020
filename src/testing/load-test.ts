import path from 'node:path';
import { test } from 'node:test';
import { readLoadFailure } from '../bot/loading/load-failure.ts';
import { createModuleLoader } from '../bot/loading/module-loader.ts';
import { PLUGIN_MODULES } from '../plugin-modules.ts';
import * as testing from './index.ts';

/**
 * Loads a test file as plugins are loaded: TypeScript, and `chatosbot` by name wherever the file lies. Where that fails,
 * a test of the file's name fails, with the place: what is thrown while Node loads a file, it shows amid code of its own.
 */
export async function loadTest(file: string): Promise<void> {
  const loader = createModuleLoader({ ...PLUGIN_MODULES, 'chatosbot/testing': testing });
  try {
    await loader.load(file);
  } catch (error) {
    const { file: broken = file, place, message } = readLoadFailure(error);
    const problem = `${path.relative('', broken)}${place}: ${message}`;
    void test(path.relative('', file), () => {
      throw new Error(problem, { cause: error });
    });
  }
}
