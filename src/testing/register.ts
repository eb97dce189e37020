/**
 * For `node --import chatosbot/testing/register --test`: test files may be TypeScript, and import `chatosbot` and
 * `chatosbot/testing` wherever they lie.
 */
import module from 'node:module';
import { load, resolve } from './module-hooks.ts';

// Where Node can, without a thread of its own.
const { registerHooks } = module as { registerHooks?: (hooks: { load: typeof load; resolve: typeof resolve }) => void };
if (registerHooks) registerHooks({ load, resolve });
else module.register('./module-hooks.js', import.meta.url);
