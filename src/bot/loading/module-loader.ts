import { realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCompiler, type Compile } from './compiler.ts';
import { ModuleGraph } from './module-graph.ts';
import { isTypeScript, moduleKind, readSource, resolveUrl, SOURCE } from './resolve-import.ts';

/** Loads TypeScript and JavaScript files. */
export interface ModuleLoader {
  /**
   * The exports of the current version of a file; those of a CommonJS module as `default`. Its files are evaluated each
   * time, packages only once.
   */
  load(file: string): Promise<Record<string, unknown>>;
  /** The file and those that it imports, directly or not, except packages; as absolute paths. */
  filesOf(file: string): Set<string>;
}

/**
 * A loader in which `import … from 'chatosbot'` resolves to one of `modules`, wherever the file is and without an install
 * beside it. Compiled files are kept in the user's own cache folder.
 */
export function createModuleLoader(modules: Readonly<Record<string, unknown>>): ModuleLoader {
  const compile = createCompiler();
  const sources = { compile, modules };
  const packages = new ModuleGraph(sources);
  return {
    load: async (file) => new ModuleGraph(sources, packages).load(realpathSync(file)),
    filesOf: (file) => filesOf(compile, file),
  };
}

/** An import in a compiled file: the specifier, without the names behind it. */
const IMPORTS = /\b(?:require|jitiImport)\(\s*["']([^"'\n\\]+)(?:\\n[^"'\n]*)?["']\s*[,)]/g;
/** The most files of one plugin that are watched. */
const MAX_FILES = 1_000;
/** What an import may leave out of a file's name. */
const EXTENSIONS = ['', '.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json', '/index.ts', '/index.js'];

function filesOf(compile: Compile, entry: string): Set<string> {
  const files = new Set([entry]);
  for (const file of files) {
    if (files.size >= MAX_FILES) break;
    for (const { importer, specifier } of importsOf(compile, file)) {
      try {
        files.add(fileURLToPath(resolveUrl(specifier, importer)));
      } catch {
        if (!/^(#|file:)/.test(specifier)) addMissing(files, path.resolve(path.dirname(importer), specifier));
      }
    }
  }
  return files;
}

/** What a file imports, except packages; nothing if it cannot be read or compiled. */
function importsOf(compile: Compile, file: string): { importer: string; specifier: string }[] {
  if (!SOURCE.test(file)) return [];
  try {
    const importer = realpathSync(file);
    const source = readSource(importer);
    const form = moduleKind(importer, source) === 'module' ? 'async' : isTypeScript(file) ? 'sync' : 'commonjs';
    const specifiers = [...compile(importer, source, form).matchAll(IMPORTS)].map(([, specifier]) => specifier!);
    return specifiers.filter((each) => /^(\.|\/|#|file:)/.test(each)).map((specifier) => ({ importer, specifier }));
  } catch {
    return [];
  }
}

/** Adds the paths at which a missing import may appear. */
function addMissing(files: Set<string>, file: string): void {
  const hasExtension = SOURCE.test(file) || file.endsWith('.json');
  for (const extension of hasExtension ? [''] : EXTENSIONS) files.add(`${file}${extension}`);
  files.add(file.replace(/\.([cm]?)js$/, '.$1ts'));
}
