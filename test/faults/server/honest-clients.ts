/** Those who must not notice an attack: a prober, readers, and clients that come and go, from addresses of their own. */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { Honest, Request, Role } from './honest-main.ts';
import type { ServerProcess } from './server-process.ts';
import { within } from './waiting.ts';

const MAIN = path.join(import.meta.dirname, 'honest-main.ts');

export class HonestClients {
  /** Readers are a process of their own: taking in a flood is work that must not show in the prober's figures. */
  readonly #prober = start();
  readonly #readers = start();

  async join({ ports, pid }: ServerProcess, roles: readonly Role[]): Promise<void> {
    const port = ports[4];
    const speaks = roles.includes('readers');
    if (speaks) await ask(this.#readers, { join: { port, pid, roles: ['readers'], speaks } });
    await ask(this.#prober, { join: { port, pid, roles: roles.filter((role) => role !== 'readers'), speaks } });
  }

  /** Resolves when readers have read all that waited for them, and know whether they are cut. */
  async catchUp(): Promise<void> {
    await ask(this.#readers, 'catch up');
  }

  /** What they have met since the last report. */
  async report(): Promise<Honest> {
    const [prober, readers] = await Promise.all([this.#prober, this.#readers].map((child) => ask(child, 'report')));
    return { ...(prober as Honest), faults: [...(prober as Honest).faults, ...(readers as Honest).faults] };
  }

  async leave(): Promise<void> {
    await Promise.all([this.#prober, this.#readers].map((child) => ask(child, 'leave')));
  }

  end(): void {
    for (const child of [this.#prober, this.#readers]) child.disconnect();
  }
}

function start(): ChildProcess {
  return fork(MAIN, { execArgv: ['--import', 'jiti/register'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

function ask(child: ChildProcess, request: Request): Promise<Honest | 'done'> {
  const answer = new Promise<Honest | 'done'>((resolve) => child.once('message', resolve));
  child.send(request);
  return within(answer, `honest clients: ${JSON.stringify(request)}`, 40_000);
}
