/** Plugins that are compiled here, for the processes and threads that load them: to load a compiler is most of what one of these costs. */
import { createCompiler } from '../../src/bot/loading/compiler.ts';
import { moduleKind } from '../../src/bot/loading/resolve-import.ts';

const compile = createCompiler();

/** Puts what a plugin is compiled to into the cache. One with an error is left to those that load it, and so is CommonJS. */
export function warmUp(file: string, source: string): void {
  try {
    if (moduleKind(file, source) === 'module') compile(file, source, 'async');
  } catch {
    // Who loads it says what is wrong.
  }
}
