/**
 * Builds dist/ from src/: many modules in each file, as to find and load a file takes Node.js longer than to run what is in it. What a
 * command does not need is in files of its own. `tsc` makes the types.
 */
import { defineConfig } from 'rolldown';

/** What is loaded by its path: what package.json exports, what Node.js is told to load, and `own-files`, which knows where it lies. */
const ENTRIES = [
  'index',
  'bot/index',
  'bot/store/plugin-store', // by tests
  'client/index',
  'cli/main',
  'cli/program', // by tests
  'cluster/workers/main',
  'own-files',
  'plugin-worker',
  'protocol/index',
  'server/index',
  'testing/index',
  'testing/load-test',
  'testing/module-hooks',
  'testing/register',
  'testing/reporter',
  'transfer/secure/index',
];

/** What even `chatosbot --version` needs is apart, and small. What many commands need is together in a few files. */
const FIRST =
  /\/src\/(?:own-files|errors|util\/(?:abort|bytes|clock|deferred|timeout|version)|transfer\/(?:bytes|descriptor|descriptor-source)|cli\/terminal\/standard-streams)\.ts$/;
const GROUPS = [
  { name: 'first', test: FIRST },
  {
    name: 'shared',
    test: /\/src\/(?:client|net\/(?!tls)|policy\/login|protocol|transfer\/(?!secure)|util)/,
    minShareCount: 8,
  },
  { name: 'server', test: /\/src\/server\//, minShareCount: 2 },
  { name: 'bot', test: /\/src\/(?:bot|schedule)\//, minShareCount: 4 },
  {
    name: 'cli',
    test: /\/src\/(?:cli\/(?:connecting|options|program|terminal)|config|ops|policy)\b/,
    minShareCount: 10,
  },
].map((group, i, all) => ({ ...group, priority: all.length - i }));

const common = { platform: 'node', external: /^[^./]/ };

export default defineConfig([
  {
    ...common,
    input: Object.fromEntries(ENTRIES.map((name) => [name, `src/${name}.ts`])),
    output: { dir: 'dist', chunkFileNames: '[name]-[hash].js', comments: false, codeSplitting: { groups: GROUPS } },
  },
  {
    ...common,
    input: 'src/cli/chatosbot.cts',
    external: /./,
    output: { file: 'dist/cli/chatosbot.cjs', format: 'cjs' },
  },
]);
