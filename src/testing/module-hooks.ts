import { fileURLToPath } from 'node:url';

/** What is loaded in our own way: test files, but not those of packages. */
const TEST_FILE = /\.test\.[cm]?[jt]s$/;

interface Loaded {
  readonly format: 'module';
  readonly source: string;
  readonly shortCircuit: true;
}

/** Node's hook: https://nodejs.org/api/module.html#loadurl-context-nextload */
export function load<Context, Next>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Next,
): Loaded | Next {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !TEST_FILE.test(pathname) || pathname.includes('/node_modules/')) {
    return nextLoad(url, context);
  }
  const loader = JSON.stringify(new URL('load-test.js', import.meta.url));
  const source = `import { loadTest } from ${loader};\nawait loadTest(${JSON.stringify(fileURLToPath(url))});`;
  return { format: 'module', source, shortCircuit: true };
}
