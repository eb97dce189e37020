import { readFileSync, realpathSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { createJiti } from './compiler.ts';
import { importConditions } from './conditions.ts';

/** What an import means. */
export type ImportTarget =
  /** What Node.js loads: a file, a built-in module, or one that is there already. */
  | { readonly graph: 'node'; readonly file: string; readonly url: string; readonly module?: object }
  /** A file that is evaluated here, of the plugin or of a package; ES modules once for each URL. */
  | { readonly graph: 'own' | 'packages'; readonly file: string; readonly url: string };

/** Files that are compiled. */
export const SOURCE = /\.[cm]?[jt]sx?$/;

export function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file);
}

function isPackageFile(file: string): boolean {
  return /[\\/]node_modules[\\/]/.test(file);
}

/**
 * Finds what a specifier means in a file: as in Node.js, and where Node.js finds nothing, as compilers do, which add
 * extensions and read `.js` as `.ts`.
 *
 * @param importer the real path of the file
 * @throws {Error} if there is no such file or package
 */
export function resolveImport(
  specifier: string,
  importer: string,
  by: 'import' | 'require',
  modules: Readonly<Record<string, unknown>>,
): ImportTarget {
  if (Object.hasOwn(modules, specifier)) {
    return { graph: 'node', file: specifier, url: specifier, module: modules[specifier] as object };
  }
  if (specifier.startsWith('data:')) return { graph: 'node', file: specifier, url: specifier };
  if (isBuiltin(specifier)) {
    return { graph: 'node', file: specifier, url: specifier.startsWith('node:') ? specifier : `node:${specifier}` };
  }
  if (specifier.startsWith('node:')) {
    const error = new Error(`No such built-in module: ${specifier}`);
    throw Object.assign(error, { code: 'ERR_UNKNOWN_BUILTIN_MODULE' });
  }
  // As on Windows paths begin: one letter is no scheme.
  const [, scheme = 'file:'] = /^([a-z][a-z\d+.-]+:)/i.exec(specifier) ?? [];
  if (scheme !== 'file:') {
    const message = `imports from ${scheme} are not supported: install the package, or keep the file beside the plugin`;
    throw Object.assign(new Error(message), { code: 'ERR_UNSUPPORTED_ESM_URL_SCHEME' });
  }
  const file = realpathSync(fileURLToPath(resolveUrl(specifier, importer, by)));
  const [query = ''] = by === 'import' && /^(?:\.|\/|file:)/.test(specifier) ? (/[?#].*/.exec(specifier) ?? []) : [];
  const url = `${pathToFileURL(file).href}${query}`;
  const isPackage = isPackageFile(file) || !/^(?:\.|\/|#|file:)/.test(specifier);
  if (isTypeScript(file)) return { graph: isPackage ? 'packages' : 'own', file, url };
  const isOwn = !isPackage && (SOURCE.test(file) || file.endsWith('.json'));
  return { graph: isOwn ? 'own' : 'node', file, url };
}

/** The URL of the file that a specifier means. */
export function resolveUrl(specifier: string, importer: string, by: 'import' | 'require' = 'import'): string {
  const jiti = createJiti(importer, { fsCache: false, moduleCache: false });
  try {
    return jiti.esmResolve(specifier, { conditions: importConditions(by) });
  } catch (error) {
    // jiti asks `require` last.
    const isMissing = by === 'import' && (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    throw isMissing ? Object.assign(error as Error, { code: 'ERR_MODULE_NOT_FOUND' }) : error;
  }
}

/** The text of a source, without a byte order mark. */
export function readSource(file: string): string {
  return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
}

export type ModuleKind = 'module' | 'commonjs';

/** Whether a source is an ES or a CommonJS module, as Node.js decides that; TypeScript is an ES module, except `.cts`. */
export function moduleKind(file: string, source: string): ModuleKind {
  if (/\.cts$|\.cjs$/.test(file)) return 'commonjs';
  if (isTypeScript(file) || file.endsWith('.mjs') || packageType(file) === 'module') return 'module';
  try {
    void new vm.Script(
      `(function (exports, require, module, __filename, __dirname) {${source.replace(/^#!.*/, '')}\n})`,
    );
    return 'commonjs';
  } catch {
    return 'module';
  }
}

/** The `type` of the package that a file belongs to. */
export function packageType(file: string): unknown {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return (JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { type?: unknown }).type;
    } catch {
      if (folder === path.dirname(folder)) return undefined;
    }
  }
}
