import { createModuleLoader } from '../bot/module-loader.ts';
import { PLUGIN_MODULES } from '../plugin-modules.ts';
import * as testing from './index.ts';

/** Loads a test file as plugins are loaded: TypeScript, and `chatosbot` by name wherever the file lies. */
export async function loadTest(file: string): Promise<void> {
  const loader = await createModuleLoader({ ...PLUGIN_MODULES, 'chatosbot/testing': testing });
  await loader.load(file);
}
