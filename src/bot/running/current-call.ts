import { AsyncLocalStorage } from 'node:async_hooks';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import { currentCode, type CallOwner } from '../loading/loaded-code.ts';
import { sourceTraceOf } from '../loading/source-positions.ts';
import type { Rest } from './activity.ts';

/** The message that causes a call. */
export interface Cause {
  readonly from: string;
  /** Counts the messages that its account has heard. */
  readonly number: number;
}

/** A call of something of a plugin. */
export interface Call {
  readonly runner: CallOwner;
  readonly hook: string;
  readonly peer: string | undefined;
  /** The number of the message that caused it, if one did. */
  readonly heard: number | undefined;
  /** How it waits for a peer; `undefined` where it is not work. */
  readonly rest: Rest | undefined;
  /** Lets what its peer has caused behind it begin: the call waits for somebody else. */
  readonly letPass?: (() => void) | undefined;
  isOver?: boolean;
}

/** What stands for the hook where something belongs to none. */
export const OUTSIDE_OF_HOOKS = 'code outside of hooks';

const current = new AsyncLocalStorage<Call>();

/** The call that the running code belongs to, if that is known. */
export function currentCall(): Call | undefined {
  return current.getStore();
}

let onEntered: ((call: Call) => void) | undefined;

/** Reports each call whose code begins to run, in this thread. */
export function observeCalls(observer: (call: Call) => void): void {
  onEntered = observer;
}

/** Runs what belongs to a call, be it the code that is called or what comes by another way. */
export function withinCall<T>(call: Call, run: () => T): T {
  onEntered?.(call);
  return current.run(call, run);
}

/** Waits for something that is up to a peer, or to the clock: the running call does not count as busy meanwhile. */
export function awaitPeer<T>(wait: Promise<T>): Promise<T> {
  return current.getStore()?.rest?.(wait) ?? wait;
}

/**
 * Logs what escaped from a plugin outside of its calls (a promise that is not awaited, a timer's callback), and counts it
 * against the plugin, if it is known which. One that is being loaded does not load.
 */
export function reportUncaught(error: unknown, log: Logger): void {
  const call = current.getStore();
  const code = currentCode();
  if (call) call.runner.uncaught(error, call.hook, call.peer);
  else if (code?.onUncaught) code.onUncaught(error);
  else if (code?.runner) code.runner.uncaught(error, OUTSIDE_OF_HOOKS, undefined);
  else log.error(`uncaught: ${messageOf(error)}`, { file: code?.file, stack: sourceTraceOf(error) });
}
