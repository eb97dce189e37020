import { AsyncLocalStorage } from 'node:async_hooks';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import type { Rest } from './activity.ts';
import { sourceTraceOf } from '../loading/source-positions.ts';

/** The message that causes a call. */
export interface Cause {
  readonly from: string;
  /** Counts the messages that its account has heard. */
  readonly number: number;
}

/** The plugin that runs a call: failures are counted against it. */
export interface CallOwner {
  readonly plugin: { readonly name: string };
  /** Something of the plugin has failed outside of its calls. */
  uncaught(error: unknown, hook: string, peer: string | undefined): void;
}

/** A call of something of a plugin. */
export interface Call {
  readonly runner: CallOwner;
  readonly hook: string;
  /** The peer that caused it, if one did. */
  readonly peer: string | undefined;
  /** The number of the message that caused it, if one did. */
  readonly heard: number | undefined;
  /** How it waits for a peer; `undefined` where it is not work. */
  readonly rest: Rest | undefined;
}

/** A plugin as it was loaded: whose code it is that runs outside of its calls. */
export interface LoadedCode {
  /** Its file, as an absolute path. */
  readonly file: string;
  /** What runs it, once something does. */
  runner?: CallOwner;
}

/** What stands for the hook where something belongs to none. */
export const OUTSIDE_OF_HOOKS = 'code outside of hooks';

const current = new AsyncLocalStorage<Call>();
const loaded = new AsyncLocalStorage<LoadedCode>();

/** The call that the running code belongs to, where that can be told. */
export function currentCall(): Call | undefined {
  return current.getStore();
}

/** Runs what belongs to a call, be it the code that is called or what comes by another way. */
export function withinCall<T>(call: Call, run: () => T): T {
  return current.run(call, run);
}

/** Loads a plugin: what it begins by that, such as a timer at its top, is its own from then on. */
export function whileLoading<T>(code: LoadedCode, load: () => T): T {
  return loaded.run(code, load);
}

/** The plugin at whose loading the running code was begun, where that can be told. */
export function currentCode(): LoadedCode | undefined {
  return loaded.getStore();
}

/** Waits for something that is up to a peer, or to the clock: the running call does not count as busy meanwhile. */
export function awaitPeer<T>(wait: Promise<T>): Promise<T> {
  return current.getStore()?.rest?.(wait) ?? wait;
}

/**
 * Logs what escaped from a plugin outside of its calls (a promise that nobody awaits, a timer's callback), and counts it
 * against the plugin, where it can be told which.
 */
export function reportUncaught(error: unknown, log: Logger): void {
  const call = current.getStore();
  const code = currentCode();
  if (call) call.runner.uncaught(error, call.hook, call.peer);
  else if (code?.runner) code.runner.uncaught(error, OUTSIDE_OF_HOOKS, undefined);
  else log.error(`uncaught: ${messageOf(error)}`, { file: code?.file, stack: sourceTraceOf(error) });
}
