import { AsyncLocalStorage } from 'node:async_hooks';
import { messageOf, traceOf } from '../../errors.ts';
import type { Logger } from '../../util/log.ts';
import type { Work } from '../activity.ts';
import type { PluginRunner } from './plugin-runner.ts';

/** The message that causes a call. */
export interface Cause {
  readonly from: string;
  /** Counts the messages that its account has heard. */
  readonly number: number;
}

/** A call of something of a plugin. */
export interface Call {
  readonly runner: PluginRunner;
  readonly hook: string;
  /** The peer that caused it, if one did. */
  readonly peer: string | undefined;
  /** The number of the message that caused it, if one did. */
  readonly heard: number | undefined;
  /** `undefined` where nobody is to wait for its end. */
  readonly work: Work | undefined;
}

const current = new AsyncLocalStorage<Call>();

/** The call that the running code belongs to, where that can be told. */
export function currentCall(): Call | undefined {
  return current.getStore();
}

/** Runs what belongs to a call, be it the code that is called or what comes by another way. */
export function withinCall<T>(call: Call, run: () => T): T {
  return current.run(call, run);
}

/** Waits for something that is up to a peer, or to the clock: the running call does not count as busy meanwhile. */
export function awaitPeer<T>(wait: Promise<T>): Promise<T> {
  return current.getStore()?.work?.rest(wait) ?? wait;
}

/**
 * Logs what escaped from a plugin outside of its calls (a promise that nobody awaits, a timer's callback), and counts it
 * against the plugin, where it can be told which.
 */
export function reportStray(error: unknown, log: Logger): void {
  const call = current.getStore();
  if (call) call.runner.strayed(error, call.hook, call.peer);
  else log.error(`uncaught: ${messageOf(error)}`, { stack: traceOf(error) });
}
