import { fileURLToPath } from 'node:url';
import { ownModule } from '../own-files.ts';

/** Test files in TypeScript are loaded as plugins are; Node itself refuses those of packages. */
const TEST_FILE = /\.test\.[cm]?ts$/;
/** Modules that can be imported by name in any folder. */
const OWN_NAME = /^chatosbot(?:\/|$)/;

/** Node's hook: https://nodejs.org/api/module.html#resolvespecifier-context-nextresolve */
export function resolve<Context, Next>(
  specifier: string,
  context: Context,
  nextResolve: (specifier: string, context: Context) => Next,
): Next {
  // A file of a package may import the package by its name.
  return nextResolve(specifier, OWN_NAME.test(specifier) ? { ...context, parentURL: import.meta.url } : context);
}

/** Node's hook: https://nodejs.org/api/module.html#loadurl-context-nextload */
export function load<Context, Next>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Next,
): { readonly format: 'module'; readonly source: string; readonly shortCircuit: true } | Next {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !TEST_FILE.test(pathname)) return nextLoad(url, context);
  const loader = JSON.stringify(ownModule('testing/load-test'));
  const source = `import { loadTest } from ${loader};\nawait loadTest(${JSON.stringify(fileURLToPath(url))});`;
  return { format: 'module', source, shortCircuit: true };
}
