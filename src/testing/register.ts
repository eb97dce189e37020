/**
 * For `node --import chatosbot/testing/register --test`: test files may be in TypeScript, and import `chatosbot` and
 * `chatosbot/testing` in any folder.
 */
import module from 'node:module';
import process from 'node:process';
import { ownModule } from '../own-files.ts';
import { load, resolve } from './module-hooks.ts';
import { endWhenPending } from './pending-tests.ts';

// If Node can, without a thread for the hooks.
const { registerHooks } = module as { registerHooks?: (hooks: { load: typeof load; resolve: typeof resolve }) => void };
if (registerHooks) registerHooks({ load, resolve });
else module.register(ownModule('testing/module-hooks'));

// One process for each file: what is not finished there, the reporter reports.
if (process.env['NODE_TEST_CONTEXT'] === 'child-v8') endWhenPending();
