/** A process of the command `serve`, as tests start it beside them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { withResolvers } from '../../src/util/deferred.ts';
import { RawControl } from './control.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/chatosbot.cjs', import.meta.url));

export interface ServeProcessOptions {
  /** Its own: all that it keeps is there. */
  readonly folder: string;
  /** Its configuration, of `serve`. */
  readonly section: object;
  /** Addresses, in the order of their ports. */
  readonly listen: readonly string[];
  /** @default 1 */
  readonly workers?: number | undefined;
  readonly onLine?: ((line: Record<string, unknown>) => void) | undefined;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class ServeProcess {
  readonly #child: ChildProcess;
  readonly #control: string;
  readonly #ready: Promise<number[]>;

  constructor({ folder, section, listen, workers = 1, onLine }: ServeProcessOptions) {
    const config = path.join(folder, 'config.yaml');
    // The configuration writes a limit that is lifted as a word.
    const text = stringify({ serve: section }, (_key, value: unknown) => (value === Infinity ? 'none' : value));
    writeFileSync(config, text);
    this.#control = path.join(folder, 'control.sock');
    const places = ['--config', config, '--state', path.join(folder, 'state'), '--control', this.#control];
    const how = ['--with-parent', '--drain', '0', '--log-level', 'debug', '--log-format', 'json'];
    const many = ['--workers', String(workers), ...listen.flatMap((address) => ['--listen', address])];
    const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder };
    this.#child = spawn(process.execPath, [MAIN, 'serve', ...places, ...how, ...many], {
      env,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    running.add(this.#child);
    this.#child.once('exit', () => running.delete(this.#child));
    this.#ready = this.#untilReady(listen.length, onLine);
    this.#ready.catch(() => undefined);
  }

  /** Resolves with the ports, in order. */
  ready(): Promise<number[]> {
    return this.#ready;
  }

  /** Asks the control socket, which is there a moment after the server listens; the lines of its answer. */
  async ask(command: string, more: object = {}): Promise<Record<string, unknown>[]> {
    for (;;) {
      const raw = new RawControl(this.#control);
      raw.send(`${JSON.stringify({ command, ...more })}\n`);
      const lines = await raw.answer();
      raw.socket.destroy();
      if (lines.length > 0) return lines;
    }
  }

  /** In order: a node leaves the cluster then, and its logins are free. */
  async end(): Promise<void> {
    if (!running.has(this.#child)) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }

  #untilReady(count: number, onLine: ServeProcessOptions['onLine']): Promise<number[]> {
    const ports: number[] = [];
    const said: string[] = [];
    const { promise, resolve, reject } = withResolvers<number[]>();
    createInterface({ input: this.#child.stderr! }).on('line', (text) => {
      said.push(text);
      if (ports.length === count) said.length = 0;
      if (!text.startsWith('{')) return;
      const line = JSON.parse(text) as Record<string, unknown>;
      const port = /^listening on \S+?:(\d+)(\?|$)/.exec(String(line['message']))?.[1];
      if (port !== undefined && ports.push(Number(port)) === count) resolve(ports);
      onLine?.(line);
    });
    this.#child.once('exit', () => reject(new Error(`serve has ended:\n${said.join('\n')}`)));
    return promise;
  }
}
