import { AsyncLocalStorage } from 'node:async_hooks';

/** The plugin that a failure is counted against. */
export interface CallOwner {
  readonly plugin: { readonly name: string };
  /** Something of the plugin has failed outside of its calls. */
  uncaught(error: unknown, hook: string, peer: string | undefined): void;
}

/** Code that was loaded: identifies the plugin of code that runs outside of its calls. */
export interface LoadedCode {
  /** Its file, as an absolute path. */
  readonly file: string;
  /** Its plugin, once that runs. */
  runner?: CallOwner;
  /** While it is loaded: gets what it throws where nobody catches it. */
  onUncaught?: ((error: unknown) => void) | undefined;
}

const loaded = new AsyncLocalStorage<LoadedCode>();

/** Loads a plugin; timers and promises that start meanwhile belong to it. */
export function whileLoading<T>(code: LoadedCode, load: () => T): T {
  return loaded.run(code, load);
}

/** The plugin whose loading started the running code, if it is known. */
export function currentCode(): LoadedCode | undefined {
  return loaded.getStore();
}
