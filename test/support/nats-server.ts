/** A NATS server of the test's own, where Debian's is installed: CI requires it, elsewhere its tests are skipped. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withResolvers } from '../../src/util/deferred.ts';
import { ownPort } from './own-port.ts';

const PROGRAM = 'nats-server';

/** Whether tests of clusters must be skipped: there is no NATS server, and nobody requires it. */
export const NO_NATS =
  spawnSync(PROGRAM, ['--version']).error !== undefined && process.env['CHATOSBOT_REQUIRE_NATS'] === undefined;
if (NO_NATS) process.stderr.write(`skipped: there is no ${PROGRAM} (apt-get install nats-server)\n`);

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface NatsServerOptions {
  /** More of its flags. */
  readonly args?: readonly string[];
  /** The text of its configuration. */
  readonly config?: string;
  /** @default true */
  readonly jetStream?: boolean;
  /** The folder of one that has ended: it begins with what is stored there. */
  readonly data?: string;
}

/** A server with a port and a folder of its own, which keep when it is started again. */
export class NatsServer {
  readonly port: number;
  /** Where it stores what it has. */
  readonly folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-nats-'));
  readonly #options: NatsServerOptions;
  #child: ChildProcess | undefined;

  private constructor(port: number, options: NatsServerOptions) {
    this.port = port;
    this.#options = options;
  }

  /** Starts one; it takes connections then. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = await NatsServer.prepare(options);
    await server.start();
    return server;
  }

  /** One that does not run yet. */
  static async prepare(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await ownPort(), options);
    if (options.data !== undefined) cpSync(options.data, server.folder, { recursive: true });
    return server;
  }

  /** As a client gives it. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Of its process, while it runs. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it again, with the data that it had. */
  async start(): Promise<void> {
    const { args: flags = [], config, jetStream = true } = this.#options;
    const file = path.join(this.folder, 'nats.conf');
    if (config !== undefined) writeFileSync(file, config);
    const args = config === undefined ? flags : [...flags, '--config', file];
    const storage = jetStream ? ['--jetstream', '--store_dir', this.folder] : [];
    const child = spawn(PROGRAM, ['--addr', '127.0.0.1', '--port', String(this.port), ...storage, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    let said = '';
    const ready = withResolvers<void>();
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000);
      if (said.includes('Server is ready')) ready.resolve();
    });
    child.once('exit', () => ready.reject(new Error(`${PROGRAM} has ended: ${said}`)));
    await ready.promise;
  }

  /** Ends it as a crash does. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Ends it in order. */
  end(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** It answers nothing from then on. */
  async pause(): Promise<void> {
    await stop(this.#child!);
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** What it has stored is gone; for one that does not run. */
  forget(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Keeps what it has stored so far; for one that does not run. Returns what has it stored that again, and nothing else. */
  keep(): () => void {
    const kept = `${this.folder}-kept`;
    cpSync(this.folder, kept, { recursive: true });
    return () => {
      this.forget();
      renameSync(kept, this.folder);
    };
  }

  /** For the end of the test. */
  async remove(): Promise<void> {
    await this.kill();
    this.forget();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || !running.has(child)) return;
    child.kill(signal);
    await once(child, 'exit');
  }
}

/** Stops a process; it does nothing any more then. */
export async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  const status = `/proc/${child.pid}/stat`;
  while (existsSync(status) && !readFileSync(status, 'utf8').includes(') T ')) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
