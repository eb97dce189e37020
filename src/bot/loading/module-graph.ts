import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { messageOf } from '../../errors.ts';
import type { Compile, ModuleForm } from './compiler.ts';
import { noteImport } from './load-failure.ts';
import {
  commonJsNamespace,
  isEsModule,
  isNamespace,
  MissingExport,
  namespaceOf,
  newModule,
  withNames,
  type LoadedModule,
} from './module-namespace.ts';
import { IMPORT_META, NAMES_SEPARATOR } from './module-syntax.ts';
import {
  isTypeScript,
  moduleKind,
  packageType,
  readSource,
  resolveImport,
  type ImportTarget,
} from './resolve-import.ts';
import { rememberCompiled } from './source-positions.ts';

/** What compiled code is given, in this order. */
const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', 'jitiImport', 'jitiESMResolve'];
/** What Node.js imports by an attribute alone, which compiled code does not show. */
const JSON_URL = /^file:[^?#]*\.json(?:[?#]|$)|^data:application\/json\b/;
/** What makes code of a text. */
const CODE_IN_TEXT = /\b(?:eval|Function)\s*\(/;
/** What ES modules have none of. */
const COMMON_JS = new Set(['require', 'module', '__filename', '__dirname']);

/** Where a file is, and what it is known by. */
type FileTarget = Pick<ImportTarget, 'file' | 'url'>;

/** What all graphs of a loader have in common. */
export interface ModuleSources {
  readonly compile: Compile;
  /** Modules that are imported by name wherever a file is. */
  readonly modules: Readonly<Record<string, unknown>>;
}

/**
 * Files that import each other, each evaluated once, with what `import` means in Node.js. Node.js evaluates no file a second
 * time and forgets none, so a new version needs a graph of its own. What packages contain is left to Node.js, except
 * TypeScript, which is evaluated in the graph of the packages.
 */
export class ModuleGraph {
  readonly #sources: ModuleSources;
  readonly #packages: ModuleGraph | undefined;
  readonly #modules = new Map<string, LoadedModule>();

  /** @param packages the graph for the TypeScript files of packages; default: this one is that */
  constructor(sources: ModuleSources, packages?: ModuleGraph) {
    this.#sources = sources;
    this.#packages = packages;
  }

  /** Evaluates a file, given as its real path; returns its exports: of a CommonJS module, as `default` unless tsc made it. */
  async load(file: string): Promise<Record<string, unknown>> {
    const loaded = await this.#importFile({ file, url: pathToFileURL(file).href }, undefined);
    const { exports } = loaded.module;
    if (loaded.kind === 'commonjs' && isEsModule(exports)) return exports as Record<string, unknown>;
    return namespaceOf(loaded) as Record<string, unknown>;
  }

  /** What `import` of a specifier gives. Static ones have the names that they need behind the specifier. */
  async #import(importer: LoadedModule, request: string): Promise<object> {
    const [specifier = '', ...names] = request.split(NAMES_SEPARATOR);
    const target = this.#resolve(specifier, importer.file, 'import');
    try {
      if (target.graph === 'node') {
        const found = target.module ?? (await this.#importNative(target, importer));
        return withNames(importer, this.#withOwnRequire(found, specifier), names, specifier);
      }
      const loaded = await this.#graphFor(target).#importFile(target, importer);
      return withNames(importer, namespaceOf(loaded), names, specifier, loaded);
    } catch (error) {
      if (target.graph === 'node' || error instanceof MissingExport) noteImport(error, importer.file, specifier);
      throw error;
    }
  }

  #resolve(specifier: string, importer: string, by: 'import' | 'require'): ImportTarget {
    try {
      return resolveImport(specifier, importer, by, this.#sources.modules);
    } catch (error) {
      noteImport(error, importer, specifier);
      throw error;
    }
  }

  /** Packages may import `chatosbot` where Node.js does not find it: then they are evaluated here, too. */
  async #importNative(target: ImportTarget, importer: LoadedModule): Promise<object> {
    try {
      const attributes = JSON_URL.test(target.url) ? { with: { type: 'json' } } : {};
      return (await import(target.url, attributes)) as object;
    } catch (error) {
      const [, name] = /^Cannot find package '([^']+)'/.exec(messageOf(error)) ?? [];
      if (name === undefined || !Object.hasOwn(this.#sources.modules, name)) throw error;
      return namespaceOf(await this.#graphFor({ graph: 'packages' }).#importFile(target, importer));
    }
  }

  async #importFile(target: FileTarget, importer: LoadedModule | undefined): Promise<LoadedModule> {
    const known = this.#modules.get(target.url);
    // A module that waits for its importer is used as far as it is, as in Node.js.
    if (known && (known.done || (importer && waitsFor(known, importer)))) return known;
    const loaded = known ?? this.#evaluate(target, 'import', importer);
    importer?.waitsFor.add(loaded);
    try {
      await loaded.evaluation;
    } finally {
      importer?.waitsFor.delete(loaded);
    }
    return loaded;
  }

  /** What `require` of a specifier gives; for a static import of what is itself required, what that import gives. */
  #require(importer: LoadedModule, request: string): unknown {
    const [specifier = '', ...names] = request.split(NAMES_SEPARATOR);
    const isImport = names.length > 0 && importer.kind === 'module';
    const target = this.#resolve(specifier, importer.file, isImport ? 'import' : 'require');
    if (target.graph === 'node') {
      const found = this.#withOwnRequire(target.module ?? createRequire(importer.file)(target.file), specifier);
      if (!isImport) return found;
      return withNames(importer, isNamespace(found) ? found : commonJsNamespace(found), names, specifier);
    }
    const graph = this.#graphFor(target);
    const loaded = graph.#modules.get(target.url) ?? graph.#evaluate(target, 'require');
    if (isImport) return withNames(importer, namespaceOf(loaded), names, specifier, loaded);
    const { exports } = loaded.module;
    return loaded.kind === 'module' && isEsModule(exports) ? namespaceOf(loaded) : exports;
  }

  #graphFor({ graph }: { readonly graph: 'own' | 'packages' }): ModuleGraph {
    return graph === 'packages' ? (this.#packages ?? this) : this;
  }

  #evaluate({ file, url }: FileTarget, by: 'import' | 'require', importer?: LoadedModule): LoadedModule {
    const source = readSource(file);
    const kind = file.endsWith('.json') ? 'json' : moduleKind(file, source);
    const key = kind === 'module' ? url : pathToFileURL(file).href;
    const known = this.#modules.get(key);
    if (known) return known;
    const loaded = newModule(file, kind);
    this.#modules.set(key, loaded);
    importer?.waitsFor.add(loaded);
    try {
      if (kind === 'json') loaded.module.exports = parseJson(file, source);
      else loaded.evaluation = this.#run(loaded, url, source, by);
      if (!loaded.evaluation) this.#finish(loaded);
    } catch (error) {
      this.#modules.delete(key);
      throw error;
    }
    return loaded;
  }

  /** Runs a module; to the end, unless it awaits its imports. */
  #run(loaded: LoadedModule, url: string, source: string, by: 'import' | 'require'): Promise<void> | undefined {
    const { file, kind } = loaded;
    const isAsync = kind === 'module' && by === 'import';
    const form: ModuleForm = isAsync ? 'async' : kind === 'module' || isTypeScript(file) ? 'sync' : 'commonjs';
    const code = this.#sources.compile(file, source, form);
    rememberCompiled(file, code);
    // TypeScript may be written as CommonJS, unless its package says that it is not.
    const isPure = isAsync && (!isTypeScript(file) || file.endsWith('.mts') || packageType(file) === 'module');
    const parameters = isPure ? PARAMETERS.filter((name) => !COMMON_JS.has(name)) : PARAMETERS;
    const head = `(${isAsync ? 'async ' : ''}function (${[...parameters, IMPORT_META].join(', ')}) { `;
    const script = scriptOf(`${head}${code}\n})`, file, head.length, kind);
    const body = script.runInThisContext() as (...given: unknown[]) => Promise<void> | undefined;
    const folder = path.dirname(file);
    const require = this.#requireOf(loaded);
    const self = Object.assign(loaded.module, { id: file, filename: file, path: folder, require });
    const resolve = (specifier: unknown): string => urlOf(String(specifier), file);
    const meta = { __proto__: null, dirname: folder, filename: file, url, resolve };
    const load = (specifier: unknown): Promise<object> => this.#import(loaded, String(specifier));
    const commonJs = isPure ? [] : [require, self, file, folder];
    const own = kind === 'module' ? undefined : self.exports;
    const ran = body.call(own, self.exports, ...commonJs, load, resolve, meta);
    return isAsync ? ran!.then(() => this.#finish(loaded)) : undefined;
  }

  #finish(loaded: LoadedModule): void {
    loaded.done = true;
    // Those that it has imported may have the namespace already.
    if (loaded.namespace) namespaceOf(loaded);
  }

  #requireOf(importer: LoadedModule): object {
    const { resolve, cache, main } = createRequire(importer.file);
    return Object.assign((specifier: string) => this.#require(importer, specifier), { resolve, cache, main });
  }

  /** `createRequire` of 'node:module' makes a `require` that loads files in this graph. */
  #withOwnRequire<T>(found: T, specifier: string): T {
    if (!/^(?:node:)?module$/.test(specifier)) return found;
    const createOwn = (from: string | URL): object => {
      const file = String(from).startsWith('file:') ? fileURLToPath(from) : String(from);
      return this.#requireOf(newModule(file, 'commonjs'));
    };
    const withOwn = (target: object): object =>
      new Proxy(target, {
        get(of, name) {
          const value: unknown = name === 'createRequire' ? createOwn : Reflect.get(of, name);
          return name === 'default' ? withOwn(value as object) : name === '__esModule' ? true : value;
        },
      });
    return withOwn(found as object) as T;
  }
}

/** @throws {SyntaxError} with what Node.js would say, where an ES module that is required awaits at its top */
function scriptOf(code: string, filename: string, headLength: number, kind: LoadedModule['kind']): vm.Script {
  // What code in a text imports is left to Node.js, which warns that this is experimental: only where there may be some.
  const inText = CODE_IN_TEXT.test(code) && { importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
  try {
    return new vm.Script(code, { filename, columnOffset: -headLength, ...inText });
  } catch (error) {
    if (kind !== 'module' || !messageOf(error).startsWith('await is only valid')) throw error;
    const message = 'require cannot load a module that awaits at its top: use import() there';
    throw Object.assign(error as Error, { message, code: 'ERR_REQUIRE_ASYNC_MODULE' });
  }
}

/** Whether a module waits for another one, itself or through those that it waits for. */
function waitsFor(waiting: LoadedModule, other: LoadedModule, seen = new Set<LoadedModule>()): boolean {
  if (waiting === other) return true;
  if (seen.has(waiting)) return false;
  seen.add(waiting);
  return [...waiting.waitsFor].some((next) => waitsFor(next, other, seen));
}

/** What `import.meta.resolve` gives: of files, also those that are missing, and URLs as they are. */
function urlOf(specifier: string, importer: string): string {
  try {
    return resolveImport(specifier, importer, 'import', {}).url;
  } catch (error) {
    if (!/^(?:\.{0,2}\/|\.{1,2}$|[a-z][a-z\d+.-]+:)/i.test(specifier)) throw error;
    return new URL(specifier, pathToFileURL(importer)).href;
  }
}

/** @throws {SyntaxError} with a message like that of `require` */
function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}
