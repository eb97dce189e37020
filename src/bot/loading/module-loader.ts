import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import type { createJiti as CreateJiti, Jiti } from 'jiti';
import { createCompiler, type Compile } from './compiler.ts';
import { rememberCompiled } from './source-positions.ts';

/** Loads TypeScript and JavaScript files. */
export interface ModuleLoader {
  /** The exports of the file. */
  load(file: string): Promise<Record<string, unknown>>;
  /** The exports of the current version of the file and of the files that it imports. */
  reload(file: string): Promise<Record<string, unknown>>;
  /** The file and those that it imports, directly or not, except packages; as absolute paths. */
  filesOf(file: string): Set<string>;
}

const require = createRequire(import.meta.url);

/**
 * A loader in which `import … from 'chatosbot'` resolves to one of `modules`, wherever the file is and without an install
 * beside it. Compiled files are kept in the user's own cache folder.
 */
export function createModuleLoader(modules: Record<string, unknown>): ModuleLoader {
  // By require: import would read the file twice, once for the names of its exports.
  const { createJiti } = require('jiti') as { createJiti: typeof CreateJiti };
  const compile = createCompiler(createJiti);
  const jiti = createJiti(import.meta.url, {
    virtualModules: modules,
    // Two bots of the same file share no state.
    moduleCache: false,
    sourceMaps: true,
    // The compiler has its own.
    fsCache: false,
    transform(options) {
      const code = compile(options);
      rememberCompiled(options.filename!, code, options.async === true);
      return { code };
    },
  });
  const loadedAt = new Map<string, number>();
  return {
    load(file) {
      if (!loadedAt.has(file)) loadedAt.set(file, Date.now());
      return jiti.import(file);
    },
    filesOf: (file) => filesOf(jiti, compile, file),
    async reload(file) {
      const files = filesOf(jiti, compile, file);
      for (const each of files) delete require.cache[each];
      try {
        // As a CommonJS module: Node never loads an ES module a second time.
        return jiti(file) as Record<string, unknown>;
      } catch (error) {
        // CommonJS has no top-level await.
        if (!(error instanceof SyntaxError) || ![...files].some((each) => awaitsAtTop(compileFile(compile, each))))
          throw error;
      }
      files.delete(file);
      refuseKept(files, loadedAt.get(file) ?? 0);
      const options = { filename: file, ext: path.extname(file), async: true, forceTranspile: true };
      return jiti.evalModule(readFileSync(file, 'utf8'), options) as Promise<Record<string, unknown>>;
    },
  };
}

/** Whether code has a top-level await. V8's error for that depends on where the `await` is. */
function awaitsAtTop(code: string | undefined): boolean {
  return code !== undefined && !isScript(`(() => {${code}\n})`) && isScript(`(async () => {${code}\n})`);
}

function isScript(code: string): boolean {
  try {
    return Boolean(new vm.Script(code));
  } catch {
    return false;
  }
}

/** With a top-level await, imported JavaScript files are ES modules, which Node does not load again. */
function refuseKept(files: Iterable<string>, loadedAt: number): void {
  for (const file of files) {
    const changedAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (!/\.[cm]?js$/.test(file) || changedAt < loadedAt) continue;
    const why = 'the plugin has a top-level await, so Node.js does not load this file again';
    throw new Error(`${path.relative('', file)}: ${why}; restart to apply the change`);
  }
}

/** An import in a compiled file. */
const IMPORTS = /\b(?:require|jitiImport)\(\s*["']([^"'\n]+)["']\s*[,)]/g;
const SOURCE = /\.[cm]?[jt]sx?$/;
/** The most files of one plugin that are watched. */
const MAX_FILES = 1_000;
/** What an import may leave out of a file's name. */
const EXTENSIONS = ['', '.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json', '/index.ts', '/index.js'];

function filesOf(jiti: Jiti, compile: Compile, entry: string): Set<string> {
  const files = new Set([entry]);
  for (const file of files) {
    if (files.size >= MAX_FILES) break;
    for (const [, specifier = ''] of compileFile(compile, file)?.matchAll(IMPORTS) ?? []) {
      if (!/^(\.|\/|#|file:)/.test(specifier)) continue;
      const url = jiti.esmResolve(specifier, { parentURL: pathToFileURL(file), try: true });
      if (url !== undefined) files.add(fileURLToPath(url));
      else if (!/^(#|file:)/.test(specifier)) addMissing(files, path.resolve(path.dirname(file), specifier));
    }
  }
  return files;
}

/** The compiled code of a file, as CommonJS; `undefined` for other kinds of files, and if it cannot be read. */
function compileFile(compile: Compile, file: string): string | undefined {
  if (!SOURCE.test(file)) return undefined;
  try {
    return compile({ source: readFileSync(file, 'utf8'), filename: file, ts: /tsx?$/.test(file), async: false });
  } catch {
    return undefined;
  }
}

/** Adds the paths at which a missing import may appear. */
function addMissing(files: Set<string>, file: string): void {
  const hasExtension = SOURCE.test(file) || file.endsWith('.json');
  for (const extension of hasExtension ? [''] : EXTENSIONS) files.add(`${file}${extension}`);
  files.add(file.replace(/\.([cm]?)js$/, '.$1ts'));
}
