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
  /** The exports of the file as it is now, and as the files are now that it imports. */
  reload(file: string): Promise<Record<string, unknown>>;
  /** The file and those that it imports, directly or not, but for packages; as absolute paths. */
  filesOf(file: string): Set<string>;
}

const require = createRequire(import.meta.url);

/**
 * A loader for which `import … from 'chatosbot'` means `modules`, wherever the file lies and without an install beside
 * it.
 */
export function createModuleLoader(modules: Record<string, unknown>): ModuleLoader {
  // Imported, it would be read twice: once for the names that it exports.
  const { createJiti } = require('jiti') as { createJiti: typeof CreateJiti };
  const compile = createCompiler(createJiti);
  const jiti = createJiti(import.meta.url, {
    virtualModules: modules,
    // Each plugin that is loaded is its own: two entries of one file share nothing.
    moduleCache: false,
    sourceMaps: true,
    // The compiler has one.
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
        // As a CommonJS module: of an ES module in JavaScript, Node would keep what it loaded first.
        return jiti(file) as Record<string, unknown>;
      } catch (error) {
        // Only an ES module can wait at its top.
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

/** Whether code awaits something at its top: V8's error for that depends on where the `await` stands. */
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

/** Of what a module imports that waits at its top level, Node keeps JavaScript as it was loaded first. */
function refuseKept(files: Iterable<string>, loadedAt: number): void {
  for (const file of files) {
    if (!/\.[cm]?js$/.test(file) || statSync(file).mtimeMs < loadedAt) continue;
    const why = 'the plugin awaits something at its top, and Node.js keeps this file as it was';
    throw new Error(`${path.relative('', file)}: ${why}: restart to see its change`);
  }
}

/** What a compiled file imports. */
const IMPORTS = /\b(?:require|jitiImport)\(\s*["']([^"'\n]+)["']\s*[,)]/g;
const SOURCE = /\.[cm]?[jt]sx?$/;
/** Files that one plugin may be made of. */
const MAX_FILES = 1_000;
/** What may stand behind the name of an import. */
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

/** What a file is compiled to where imports are not awaited; `undefined` for other files, and where it cannot be read. */
function compileFile(compile: Compile, file: string): string | undefined {
  if (!SOURCE.test(file)) return undefined;
  try {
    return compile({ source: readFileSync(file, 'utf8'), filename: file, ts: /tsx?$/.test(file), async: false });
  } catch {
    return undefined;
  }
}

/** What is not there yet is waited for where it may come to be. */
function addMissing(files: Set<string>, file: string): void {
  const hasExtension = SOURCE.test(file) || file.endsWith('.json');
  for (const extension of hasExtension ? [''] : EXTENSIONS) files.add(`${file}${extension}`);
  files.add(file.replace(/\.([cm]?)js$/, '.$1ts'));
}
