import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Jiti } from 'jiti';

/** Loads TypeScript and JavaScript files. */
export interface ModuleLoader {
  /** The exports of the file. */
  load(file: string): Promise<Record<string, unknown>>;
  /** The exports of the file as it is now, and as the files are now that it imports. */
  reload(file: string): Promise<Record<string, unknown>>;
  /** The file and those that it imports, directly or not, but for packages; as absolute paths. */
  filesOf(file: string): Set<string>;
}

const { cache: required } = createRequire(import.meta.url);

/**
 * A loader for which `import … from 'chatosbot'` means `modules`, wherever the file lies and without an install beside
 * it. Compiled files are kept in the user's own cache folder, never in a shared one.
 */
export async function createModuleLoader(modules: Record<string, unknown>): Promise<ModuleLoader> {
  const { createJiti } = await import('jiti');
  process.setSourceMapsEnabled(true);
  const configured = process.env['XDG_CACHE_HOME'] ?? '';
  const cache = path.isAbsolute(configured) ? configured : path.join(homedir(), '.cache');
  const jiti = createJiti(import.meta.url, {
    virtualModules: modules,
    // Each plugin that is loaded is its own: two entries of one file share nothing.
    moduleCache: false,
    sourceMaps: true,
    fsCache: path.join(cache, 'chatosbot'),
  });
  const load = (file: string): Promise<Record<string, unknown>> => jiti.import(file);
  return {
    load,
    filesOf: (file) => filesOf(jiti, file),
    async reload(file) {
      for (const each of filesOf(jiti, file)) delete required[each];
      try {
        // As a CommonJS module: of an ES module in JavaScript, Node would keep what it loaded first.
        return jiti(file) as Record<string, unknown>;
      } catch (error) {
        // Only an ES module can wait at its top level.
        if (error instanceof SyntaxError && error.message.startsWith('await is only valid')) return load(file);
        throw error;
      }
    },
  };
}

/** What a compiled file imports. */
const IMPORTS = /\b(?:require|jitiImport)\(\s*["']([^"'\n]+)["']\s*\)/g;
const SOURCE = /\.[cm]?[jt]sx?$/;
/** Files that one plugin may be made of. */
const MAX_FILES = 1_000;

function filesOf(jiti: Jiti, entry: string): Set<string> {
  const files = new Set([entry]);
  for (const file of files) {
    if (!SOURCE.test(file) || files.size >= MAX_FILES) continue;
    let compiled: string;
    try {
      compiled = jiti.transform({ source: readFileSync(file, 'utf8'), filename: file, ts: /tsx?$/.test(file) });
    } catch {
      // It is gone, or cannot be read: what it imported cannot matter then.
      continue;
    }
    for (const [, specifier = ''] of compiled.matchAll(IMPORTS)) {
      if (!/^(\.|\/|file:)/.test(specifier)) continue;
      const url = jiti.esmResolve(specifier, { parentURL: file, try: true });
      // What is not there yet is waited for where it would be.
      files.add(url === undefined ? path.resolve(path.dirname(file), specifier) : fileURLToPath(url));
    }
  }
  return files;
}
