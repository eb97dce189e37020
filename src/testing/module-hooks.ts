import { fileURLToPath } from 'node:url';

/** Test files in TypeScript (not those of packages) are loaded as plugins are. */
const TEST_FILE = /\.test\.[cm]?ts$/;
/** Modules that can be imported by name in any folder. */
const OWN_NAME = /^chatosbot(?:\/(client|protocol|server|testing))?$/;

/** Node's hook: https://nodejs.org/api/module.html#resolvespecifier-context-nextresolve */
export function resolve<Context, Next>(
  specifier: string,
  context: Context,
  nextResolve: (specifier: string, context: Context) => Next,
): { readonly url: string; readonly shortCircuit: true } | Next {
  const own = OWN_NAME.exec(specifier);
  if (!own) return nextResolve(specifier, context);
  const file = own[1] === undefined ? 'index.js' : `${own[1]}/index.js`;
  return { url: new URL(`../${file}`, import.meta.url).href, shortCircuit: true };
}

/** Node's hook: https://nodejs.org/api/module.html#loadurl-context-nextload */
export function load<Context, Next>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Next,
): { readonly format: 'module'; readonly source: string; readonly shortCircuit: true } | Next {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !TEST_FILE.test(pathname) || pathname.includes('/node_modules/')) {
    return nextLoad(url, context);
  }
  const loader = JSON.stringify(new URL('load-test.js', import.meta.url));
  const source = `import { loadTest } from ${loader};\nawait loadTest(${JSON.stringify(fileURLToPath(url))});`;
  return { format: 'module', source, shortCircuit: true };
}
