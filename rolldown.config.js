/**
 * Builds dist/ from src/: many modules in each file, as to find and load a file takes Node.js longer than to run what is in it. What a
 * command does not need is in files of its own. `tsc` makes the types.
 */
import { readdirSync, readFileSync } from 'node:fs';
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
  /\/src\/(?:own-files|errors|util\/(?:abort|bytes|cache-directory|clock|deferred|timeout|version)|transfer\/(?:bytes|descriptor|descriptor-source)|cli\/terminal\/standard-streams)\.ts$/;
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
  {
    name: 'joining',
    test: /\/src\/(?:cli\/(?:connecting|piping|terminal\/(?!plugin-errors))|transfer\/(?:[^/]+\.ts|(?:verified|secure)\/(?:failures|hello|options|secret)))/,
    minShareCount: 2,
  },
  {
    name: 'operating',
    test: /\/src\/(?:cli\/running\/(?:access-warnings|control|embedded-server|lifecycle|reload|server-certificate)|config\/login-rules|ops\/(?:bans-file|control|top-lines|troubles|workers))/,
  },
].map((group, i, all) => ({ ...group, priority: all.length - i }));

/**
 * Libraries among the `dependencies` are installed with this package, and `typescript` is there where its user has it. All others are built
 * in: a library of many files is loaded in half the time.
 */
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const installed = [...Object.keys(dependencies), 'typescript'];
const external = (id) => installed.some((name) => id === name || id.startsWith(`${name}/`));

/** The licenses of what is built in, which ask for being handed on. */
const licenses = {
  name: 'licenses',
  generateBundle() {
    const found = [...this.getModuleIds()].map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]);
    const texts = [...new Set(found)].filter(Boolean).map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      const file = readdirSync(folder).find((each) => /^licen[sc]e/i.test(each));
      return `${name} ${version} (${license})\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : ''}\n`;
    });
    this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source: texts.join(`\n${'-'.repeat(80)}\n\n`) });
  },
};

const common = { platform: 'node', external };

export default defineConfig([
  {
    ...common,
    plugins: [licenses],
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
