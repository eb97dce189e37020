import type { ChatLoad } from './chat-load.ts';
import type { Dialect } from '../servers/dialects.ts';
import { startLoad, type LoadProcess } from './load-process.ts';
import { cpuSeconds, type Figures } from '../measure.ts';
import type { Keep, Running } from '../servers/processes.ts';

/** Messages by which the size of a delivery is measured, and then how fast the server is. */
const FEW = 50;
const TRIAL_S = 0.5;
const MEASURED_S = 2;
const MOST = 200_000;

/** Clients of a server in some processes; the first of each process speaks. */
export class Crowd {
  readonly #dialect: Dialect;
  readonly #server: Running;
  readonly #loads: readonly LoadProcess<ChatLoad>[];
  readonly clients: number;
  /** How long it took until all were in. */
  readonly loginS: number;

  private constructor(
    dialect: Dialect,
    server: Running,
    loads: readonly LoadProcess<ChatLoad>[],
    clients: number,
    loginS: number,
  ) {
    this.#dialect = dialect;
    this.#server = server;
    this.#loads = loads;
    this.clients = clients;
    this.loginS = loginS;
  }

  static async start(
    dialect: Dialect,
    server: Running,
    clients: number,
    processes: number,
    keep: Keep,
    secured = false,
  ): Promise<Crowd> {
    const loads: LoadProcess<ChatLoad>[] = [];
    const each = Math.ceil(clients / processes);
    let loginS = 0;
    for (let number = 0; number < clients; number += each) {
      const load = await keep(startLoad<ChatLoad>('chat-load.ts'));
      const task = {
        dialect: dialect.name,
        port: server.ports?.[loads.length % server.ports.length] ?? server.port,
        number,
        clients: Math.min(each, clients - number),
        secured,
      };
      loginS += await load.call('connect', task);
      loads.push(load);
    }
    const crowd = new Crowd(dialect, server, loads, clients, loginS);
    await crowd.#all((load) => load.call('join'));
    return crowd;
  }

  /** Bytes that a client gets for a message with that text. */
  async deliveryBytes(text: string): Promise<number> {
    await this.#all((load) => load.call('expect', Infinity));
    await this.#loads[0]!.call('say', text, FEW);
    await this.#all((load) => load.call('quiet'));
    // Less than a byte a message is something else, as a PING.
    return Math.floor(Math.min(...(await this.#all((load) => load.call('received')))) / FEW);
  }

  /** Each process says the text as fast as it is taken, so often that it lasts long enough for its start not to count. */
  async flood(text: string): Promise<Figures> {
    const bytes = await this.deliveryBytes(text);
    let rate = FEW / (await this.say(text, FEW, bytes));
    const trial = Math.min(MOST, Math.ceil(rate * TRIAL_S));
    rate = trial / (await this.say(text, trial, bytes));
    const messages = Math.min(MOST, Math.ceil(rate * MEASURED_S));
    const cpuBefore = this.#cpuSeconds();
    const elapsedS = await this.say(text, messages, bytes);
    const deliveries = messages * (this.#dialect.echoes ? this.clients : this.clients - 1);
    return {
      'k deliveries/s': deliveries / elapsedS / 1000,
      'CPU-us/delivery': ((this.#cpuSeconds() - cpuBefore) / deliveries) * 1e6,
    };
  }

  /**
   * One process says the text now and then, some times at once: milliseconds until all of them had reached everybody, those of
   * other processes aside.
   */
  sayAlone(text: string, times: number, bytes: number, pauseMs: number, atOnce = 1): Promise<number[]> {
    return this.#loads[0]!.call('sayAlone', text, times, bytes, pauseMs, atOnce);
  }

  /** Seconds until everybody has had that many messages, of so many bytes each. */
  async say(text: string, messages: number, bytes: number): Promise<number> {
    const each = Math.ceil(messages / this.#loads.length);
    await this.#all((load) => load.call('expect', each * this.#loads.length * bytes));
    const started = await this.#all((load) => load.call('say', text, each));
    const completed = await this.#all((load) => load.call('complete'));
    const [from, to] = [started.reduce((a, b) => (a < b ? a : b)), completed.reduce((a, b) => (a > b ? a : b))];
    return Number(to - from) / 1e9;
  }

  #cpuSeconds(): number {
    const { pid, pids = [pid] } = this.#server;
    return pids.reduce((sum, each) => sum + cpuSeconds(each), 0);
  }

  #all<T>(tell: (load: LoadProcess<ChatLoad>) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#loads.map(tell));
  }
}
