import path from 'node:path';
import { test } from 'node:test';
import { readLoadFailure } from '../bot/loading/load-failure.ts';
import { createModuleLoader } from '../bot/loading/module-loader.ts';
import { PLUGIN_MODULES } from '../plugin-modules.ts';
import * as testing from './index.ts';

/**
 * Loads a test file as plugins are loaded: in TypeScript, and with `chatosbot` by name in any folder. If that fails, a test
 * named after the file fails, with the place: Node would show the error within its own code.
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
