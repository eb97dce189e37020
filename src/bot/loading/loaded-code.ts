import { AsyncLocalStorage } from 'node:async_hooks';

/** What runs a plugin: failures of its code are counted against it. */
export interface CallOwner {
  readonly plugin: { readonly name: string };
  /** Something of the plugin has failed outside of its calls. */
  uncaught(error: unknown, hook: string, peer: string | undefined): void;
}

/** A plugin as it was loaded: whose code it is that runs outside of its calls. */
export interface LoadedCode {
  /** Its file, as an absolute path. */
  readonly file: string;
  /** What runs it, once something does. */
  runner?: CallOwner;
}

const loaded = new AsyncLocalStorage<LoadedCode>();

/** Loads a plugin: what it begins by that, such as a timer at its top, is its own from then on. */
export function whileLoading<T>(code: LoadedCode, load: () => T): T {
  return loaded.run(code, load);
}

/** The plugin at whose loading the running code was begun, where that can be told. */
export function currentCode(): LoadedCode | undefined {
  return loaded.getStore();
}
