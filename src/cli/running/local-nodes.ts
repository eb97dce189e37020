import { spawn, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { withResolvers } from '../../util/deferred.ts';
import type { Announce } from '../terminal/output.ts';
import type { LocalNode } from './node-arguments.ts';

/** A node that ends is started again after this, and each time after twice as long, while none lives for `STEADY_MS`. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 10_000;
const STEADY_MS = 60_000;

export interface LocalNodesPlan {
  readonly nodes: readonly LocalNode[];
  /** The program that each of them runs. */
  readonly program: string;
  /** Their environment. @default that of this process */
  readonly env?: NodeJS.ProcessEnv;
  /** Takes the lines that nodes write. */
  readonly onLine: (node: string, line: string) => void;
  readonly announce: Announce;
}

/** Several nodes of a cluster, each a process of this one: a node that ends is started again. */
export class LocalNodes {
  readonly #plan: LocalNodesPlan;
  readonly #children = new Map<string, ChildProcess>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Where each node lets users connect. */
  readonly #addresses = new Map<string, string[]>();
  #isStopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(plan: LocalNodesPlan) {
    this.#plan = plan;
  }

  /**
   * Starts the nodes: the first one alone, as what is wrong with it is wrong with all. Resolves to the exit code of one that
   * has ended before it was ready, and has said why; `undefined` where all are, or they have been asked to stop.
   */
  async start(): Promise<number | undefined> {
    const [first, ...others] = this.#plan.nodes;
    const code = await this.#begin(first!);
    // A node that is asked to stop while it starts may say that it is ready before it does.
    if (code !== undefined || this.#isStopping) return code;
    const codes = await Promise.all(others.map((node) => this.#begin(node)));
    return codes.find((each) => each !== undefined);
  }

  /** All addresses of all nodes, as clients try them. */
  get addresses(): string {
    return this.#plan.nodes.flatMap(({ node }) => this.#addresses.get(node) ?? []).join(',');
  }

  /** Asks all to stop; resolves when they have ended. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.signal(signal);
    if (this.#children.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  signal(signal: NodeJS.Signals): void {
    for (const child of this.#children.values()) child.kill(signal);
  }

  async #begin(node: LocalNode): Promise<number | undefined> {
    const { joined, ended } = this.#launch(node, FIRST_PAUSE_MS);
    return Promise.race([joined.then(() => undefined), ended]);
  }

  #launch({ node, args }: LocalNode, pauseMs: number): { joined: Promise<void>; ended: Promise<number> } {
    const { program, env, onLine } = this.#plan;
    // In a group of its own: what a terminal sends to all comes from here, once.
    const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
      detached: true,
      env,
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.#children.set(node, child);
    this.#addresses.set(node, []);
    const joined = withResolvers<void>();
    const ended = withResolvers<number>();
    const startedAt = performance.now();
    let isReady = false;
    createInterface({ input: child.stderr! }).on('line', (line) => {
      const [, address] = /listening on ((?:tcp|tls):\/\/[^\s"]+)/.exec(line) ?? [];
      if (address !== undefined) {
        this.#addresses.get(node)!.push(address);
        isReady = true;
        joined.resolve();
      }
      onLine(node, line);
    });
    child.once('close', (code, signal) => {
      this.#children.delete(node);
      ended.resolve(code ?? 1);
      if (this.#isStopping) {
        if (this.#children.size === 0) this.#onEmpty?.();
      } else if (isReady || pauseMs > FIRST_PAUSE_MS) {
        const steady = performance.now() - startedAt > STEADY_MS;
        this.#restart({ node, args }, steady ? FIRST_PAUSE_MS : pauseMs, signal ?? `exit code ${code}`);
      }
    });
    return { joined: joined.promise, ended: ended.promise };
  }

  #restart(node: LocalNode, pauseMs: number, why: string): void {
    this.#plan.announce(`${node.node} has ended (${why}): it is started again`, { node: node.node, why });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#launch(node, Math.min(2 * pauseMs, LAST_PAUSE_MS));
    }, pauseMs);
    this.#timers.add(timer);
  }
}
