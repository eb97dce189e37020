import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isModuleNamespaceObject } from 'node:util/types';
import vm from 'node:vm';
import { messageOf } from '../../errors.ts';
import type { Compile, ModuleForm } from './compiler.ts';
import { noteImport } from './load-failure.ts';
import { IMPORT_META, NAMES_SEPARATOR } from './module-syntax.ts';
import { isTypeScript, moduleKind, resolveImport, type ImportTarget, type ModuleKind } from './resolve-import.ts';
import { rememberCompiled } from './source-positions.ts';

/** What compiled code is given, in this order. */
const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', 'jitiImport', 'jitiESMResolve'];
const HEAD = `function (${[...PARAMETERS, IMPORT_META].join(', ')}) { `;

/** A file that was evaluated, or is being evaluated. */
interface LoadedModule {
  readonly file: string;
  readonly kind: ModuleKind | 'json';
  /** `exports` is the module's own object until it assigns another. */
  readonly module: { exports: unknown };
  /** Settles when it was evaluated, if that takes time. */
  evaluation?: Promise<void>;
  done: boolean;
  /** Those whose evaluation it waits for. */
  readonly waitsFor: Set<LoadedModule>;
  /** What importers get of CommonJS, once that is evaluated. */
  namespace?: object;
}

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
    const loaded = await this.#importFile(file, undefined);
    const { exports } = loaded.module;
    if (loaded.kind === 'commonjs' && isEsModule(exports)) return exports as Record<string, unknown>;
    return namespaceOf(loaded) as Record<string, unknown>;
  }

  /** What `import` of a specifier gives. Static ones have the names that they need behind the specifier. */
  async #import(importer: LoadedModule, request: string): Promise<object> {
    const [specifier = '', ...names] = request.split(NAMES_SEPARATOR);
    const target = resolveImport(specifier, importer.file, 'import', this.#sources.modules);
    try {
      if (target.graph === 'node') {
        const found = target.module ?? (await this.#importNative(target, importer));
        return withNames(this.#withOwnRequire(found, specifier), names, specifier);
      }
      const loaded = await this.#graphFor(target).#importFile(target.file, importer);
      return withNames(namespaceOf(loaded), loaded.done ? names : [], specifier);
    } catch (error) {
      if (target.graph === 'node' || error instanceof MissingExport) noteImport(error, importer.file, specifier);
      throw error;
    }
  }

  /** Packages may import `chatosbot` where Node.js does not find it: then they are evaluated here, too. */
  async #importNative(target: ImportTarget, importer: LoadedModule): Promise<object> {
    try {
      return (await import(target.url)) as object;
    } catch (error) {
      const [, name] = /^Cannot find package '([^']+)'/.exec(messageOf(error)) ?? [];
      if (name === undefined || !Object.hasOwn(this.#sources.modules, name)) throw error;
      return namespaceOf(await this.#graphFor({ graph: 'packages' }).#importFile(target.file, importer));
    }
  }

  async #importFile(file: string, importer: LoadedModule | undefined): Promise<LoadedModule> {
    const known = this.#modules.get(file);
    // A module that waits for its importer is used as far as it is, as in Node.js.
    if (known && (known.done || (importer && waitsFor(known, importer)))) return known;
    const loaded = known ?? this.#evaluate(file, 'import', importer);
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
    const target = resolveImport(specifier, importer.file, isImport ? 'import' : 'require', this.#sources.modules);
    if (target.graph === 'node') {
      const found = this.#withOwnRequire(target.module ?? createRequire(importer.file)(target.file), specifier);
      return isImport ? withNames(isNamespace(found) ? found : commonJsNamespace(found), names, specifier) : found;
    }
    const graph = this.#graphFor(target);
    const loaded = graph.#modules.get(target.file) ?? graph.#evaluate(target.file, 'require');
    return isImport ? withNames(namespaceOf(loaded), names, specifier) : loaded.module.exports;
  }

  #graphFor({ graph }: { readonly graph: 'own' | 'packages' }): ModuleGraph {
    return graph === 'packages' ? (this.#packages ?? this) : this;
  }

  #evaluate(file: string, by: 'import' | 'require', importer?: LoadedModule): LoadedModule {
    const source = readFileSync(file, 'utf8');
    const kind = file.endsWith('.json') ? 'json' : moduleKind(file, source);
    const exports = kind === 'module' ? Object.create(null, { [Symbol.toStringTag]: { value: 'Module' } }) : {};
    const loaded: LoadedModule = { file, kind, module: { exports }, done: false, waitsFor: new Set() };
    this.#modules.set(file, loaded);
    importer?.waitsFor.add(loaded);
    try {
      if (kind === 'json') loaded.module.exports = parseJson(file, source);
      else loaded.evaluation = this.#run(loaded, source, by);
      if (!loaded.evaluation) this.#finish(loaded);
    } catch (error) {
      this.#modules.delete(file);
      throw error;
    }
    return loaded;
  }

  /** Runs a module; to the end, unless it awaits its imports. */
  #run(loaded: LoadedModule, source: string, by: 'import' | 'require'): Promise<void> | undefined {
    const { file, kind } = loaded;
    const isAsync = kind === 'module' && by === 'import';
    const form: ModuleForm = isAsync ? 'async' : kind === 'module' || isTypeScript(file) ? 'sync' : 'commonjs';
    const code = this.#sources.compile(file, source, form);
    rememberCompiled(file, code);
    const head = `(${isAsync ? 'async ' : ''}${HEAD}`;
    const script = new vm.Script(`${head}${code}\n})`, { filename: file, columnOffset: -head.length });
    const body = script.runInThisContext() as (...given: unknown[]) => Promise<void> | undefined;
    const folder = path.dirname(file);
    const require = this.#requireOf(loaded);
    const self = Object.assign(loaded.module, { id: file, filename: file, path: folder, require });
    const resolve = (specifier: unknown): string => resolveImport(String(specifier), file, 'import', {}).url;
    const meta = { dirname: folder, filename: file, url: pathToFileURL(file).href, resolve };
    const load = (specifier: unknown): Promise<object> => this.#import(loaded, String(specifier));
    // ES modules have none of these; TypeScript may be written as CommonJS.
    const commonJs = isAsync && !isTypeScript(file) ? Array<undefined>(4) : [require, self, file, folder];
    const own = kind === 'module' ? undefined : self.exports;
    const ran = body.call(own, self.exports, ...commonJs, load, resolve, meta);
    return isAsync ? ran!.then(() => this.#finish(loaded)) : undefined;
  }

  #finish(loaded: LoadedModule): void {
    loaded.done = true;
    const { exports } = loaded.module;
    if (loaded.kind === 'module' && isEsModule(exports)) sortNames(exports);
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
      return this.#requireOf({ file, kind: 'commonjs', module: { exports: {} }, done: true, waitsFor: new Set() });
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

/** Whether a module waits for another one, itself or through those that it waits for. */
function waitsFor(waiting: LoadedModule, other: LoadedModule, seen = new Set<LoadedModule>()): boolean {
  if (waiting === other) return true;
  if (seen.has(waiting)) return false;
  seen.add(waiting);
  return [...waiting.waitsFor].some((next) => waitsFor(next, other, seen));
}

/** What importers get. TypeScript may also be written as CommonJS. */
function namespaceOf(loaded: LoadedModule): object {
  const { exports } = loaded.module;
  const isModule = loaded.kind === 'module' && (isNamespace(exports) || Object.keys(exports as object).length === 0);
  if (isModule) return exports as object;
  if (!loaded.done) return commonJsNamespace(exports);
  return (loaded.namespace ??= commonJsNamespace(exports));
}

/** What `import` gives of a CommonJS module: all that it exports as `default`, and each by its name. */
function commonJsNamespace(exports: unknown): object {
  const isObject = (typeof exports === 'object' && exports !== null) || typeof exports === 'function';
  const namespace = Object.create(null, { __esModule: { value: true } }) as Record<string, unknown>;
  for (const name of isObject ? Object.keys(exports) : []) namespace[name] = (exports as Record<string, unknown>)[name];
  namespace['default'] = exports;
  return sortNames(namespace);
}

/** A namespace has its names in the order of the alphabet. */
function sortNames(namespace: object): object {
  for (const name of Object.keys(namespace).toSorted()) {
    const property = Object.getOwnPropertyDescriptor(namespace, name)!;
    if (!property.configurable) continue;
    Reflect.deleteProperty(namespace, name);
    Object.defineProperty(namespace, name, property);
  }
  return namespace;
}

/** The module that is imported lacks a name. */
class MissingExport extends SyntaxError {
  override readonly name = 'SyntaxError';
}

const views = new WeakMap<object, object>();

/**
 * A namespace that compiled code takes for one: it looks for `__esModule`, which those of Node.js do not have.
 *
 * @throws {MissingExport} if it lacks one of the names
 */
function withNames(namespace: object, names: readonly string[], specifier: string): object {
  const missing = names.find((name) => !(name in namespace));
  if (missing !== undefined) {
    throw new MissingExport(`The requested module '${specifier}' does not provide an export named '${missing}'`);
  }
  if (!isModuleNamespaceObject(namespace)) return namespace;
  const view =
    views.get(namespace) ??
    new Proxy(namespace, { get: (of, name) => (name === '__esModule' ? true : (Reflect.get(of, name) as unknown)) });
  views.set(namespace, view);
  return view;
}

function isEsModule(exports: unknown): exports is object {
  return typeof exports === 'object' && exports !== null && '__esModule' in exports;
}

function isNamespace(exports: unknown): exports is object {
  return isModuleNamespaceObject(exports) || isEsModule(exports);
}

/** @throws {SyntaxError} with a message like that of `require` */
function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new SyntaxError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}
