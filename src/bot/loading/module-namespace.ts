import { isModuleNamespaceObject } from 'node:util/types';
import { ALL_NAMES } from './module-syntax.ts';
import type { ModuleKind } from './resolve-import.ts';

/** A file that was evaluated, or is being evaluated. */
export interface LoadedModule {
  readonly file: string;
  readonly kind: ModuleKind | 'json';
  /** `exports` is the module's own object until it assigns another. */
  readonly module: { exports: unknown };
  /** Settles when it was evaluated, if that takes time. */
  evaluation?: Promise<void>;
  done: boolean;
  /** Those whose evaluation it waits for. */
  readonly waitsFor: Set<LoadedModule>;
  /** What importers get; of CommonJS, once that is evaluated. */
  namespace?: object;
  /** What it has by `export *`, by name. */
  readonly passedOn: Map<string, unknown>;
}

export function newModule(file: string, kind: LoadedModule['kind']): LoadedModule {
  return {
    file,
    kind,
    module: { exports: kind === 'module' ? Object.create(null) : {} },
    done: false,
    waitsFor: new Set(),
    passedOn: new Map(),
  };
}

/** What the reads of a name lead to, through all that pass it on: identifies what is exported. */
const lastRead: { origin: unknown } = { origin: undefined };

/** What importers get, and cannot change. TypeScript may also be written as CommonJS. */
export function namespaceOf(loaded: LoadedModule): object {
  const { exports } = loaded.module;
  const isModule = loaded.kind === 'module' && (isNamespace(exports) || Object.keys(exports as object).length === 0);
  if (!isModule && !loaded.done) return commonJsNamespace(exports);
  if (!isModule) return (loaded.namespace ??= commonJsNamespace(exports));
  if (isModuleNamespaceObject(exports) || (!isEsModule(exports) && !loaded.done)) return exports as object;
  const namespace = (loaded.namespace ??= newNamespace());
  if (Object.isFrozen(namespace)) return namespace;
  // It may have had more, in another order, while it was evaluated.
  for (const name of Object.keys(namespace)) Reflect.deleteProperty(namespace, name);
  for (const name of Object.keys(exports as object).toSorted()) {
    const origin = (): unknown => {
      lastRead.origin = origin;
      return (exports as Record<string, unknown>)[name];
    };
    // What is passed on has such a function already.
    const own = Object.getOwnPropertyDescriptor(exports, name)!;
    const read = own.get ? own : { get: origin, enumerable: true };
    Object.defineProperty(namespace, name, { ...read, configurable: true });
  }
  return loaded.done ? Object.freeze(namespace) : namespace;
}

function newNamespace(): Record<string, unknown> {
  const tag = { [Symbol.toStringTag]: { value: 'Module' }, __esModule: { value: true, configurable: true } };
  return Object.create(null, tag) as Record<string, unknown>;
}

/** What `import` gives of a CommonJS module: all that it exports as `default`, and each by its name. */
export function commonJsNamespace(exports: unknown): object {
  const isObject = (typeof exports === 'object' && exports !== null) || typeof exports === 'function';
  const namespace = newNamespace();
  const names = isObject ? Object.keys(exports) : [];
  for (const name of [...names, 'default'].toSorted()) {
    // Compiled code takes it for a namespace by this name, whatever the module says.
    const value = name === 'default' ? exports : name === '__esModule' || valueOf(exports as object, name);
    Object.defineProperty(namespace, name, { value, enumerable: true });
  }
  return Object.freeze(namespace);
}

/** As in Node.js, a getter that throws is no error until it is used as a property of `default`. */
function valueOf(exports: object, name: string): unknown {
  try {
    return (exports as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

/** For names that two files export which are passed on. */
const AMBIGUOUS = Symbol('ambiguous');

/** Does `export *`: what the module exports itself is kept, and a name that means two things is left out. */
function passOn({ module, passedOn }: LoadedModule, from: object): void {
  const exports = module.exports as object;
  // One that has nothing but this is not marked.
  if (!isEsModule(exports)) Object.defineProperty(exports, '__esModule', { value: true });
  for (const name of Object.keys(from)) {
    const isKnown = passedOn.has(name);
    if (name === 'default' || (!isKnown && Object.hasOwn(exports, name))) continue;
    const get = (): unknown => (from as Record<string, unknown>)[name];
    lastRead.origin = undefined;
    const value = get();
    const origin = isNamespace(value) ? value : (lastRead.origin ?? value);
    if (!isKnown) {
      passedOn.set(name, origin);
      Object.defineProperty(exports, name, { enumerable: true, configurable: true, get });
    } else if (!Object.is(passedOn.get(name), origin)) {
      passedOn.set(name, AMBIGUOUS);
      Reflect.deleteProperty(exports, name);
    }
  }
}

/** The module that is imported lacks a name. */
export class MissingExport extends SyntaxError {
  override readonly name = 'SyntaxError';
}

const views = new WeakMap<object, object>();

/**
 * A namespace that compiled code takes for one: it looks for `__esModule`, which those of Node.js do not have.
 *
 * @param loaded its module, if it was evaluated here
 * @throws {MissingExport} if it lacks one of the names
 */
export function withNames(
  importer: LoadedModule,
  namespace: object,
  names: readonly string[],
  specifier: string,
  loaded?: LoadedModule,
): object {
  if (names[0] === ALL_NAMES) passOn(importer, namespace);
  else if (loaded?.done !== false) {
    const missing = names.find((name) => !(name in namespace));
    if (missing !== undefined) {
      const isAmbiguous = loaded?.passedOn.get(missing) === AMBIGUOUS;
      const problem = isAmbiguous ? 'contains conflicting star exports for name' : 'does not provide an export named';
      throw new MissingExport(`The requested module '${specifier}' ${problem} '${missing}'`);
    }
  }
  if (!isModuleNamespaceObject(namespace)) return namespace;
  const view =
    views.get(namespace) ??
    new Proxy(namespace, { get: (of, name) => (name === '__esModule' ? true : (Reflect.get(of, name) as unknown)) });
  views.set(namespace, view);
  return view;
}

export function isEsModule(exports: unknown): exports is object {
  return typeof exports === 'object' && exports !== null && '__esModule' in exports;
}

export function isNamespace(exports: unknown): exports is object {
  return isModuleNamespaceObject(exports) || isEsModule(exports);
}
