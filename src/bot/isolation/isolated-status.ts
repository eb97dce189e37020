import type { AccountStatus, IsolationStatus, PluginError } from '../status.ts';

const MAX_ERRORS = 10;

/** How an isolated bot is: what its worker has reported last, and what became of its workers. */
export class IsolatedStatus {
  /** How often a worker was started in the place of another. */
  restarts = 0;
  /** What a worker has reported last; until then, that nothing is known. */
  reported: AccountStatus | undefined;
  /** The ends of workers, which none of them can report. */
  readonly #ends: PluginError[] = [];

  get endedAt(): Date | undefined {
    return this.#ends.at(-1)?.at;
  }

  ended(end: PluginError): void {
    this.#ends.push(end);
    if (this.#ends.length > MAX_ERRORS) this.#ends.shift();
  }

  read(isolation: Omit<IsolationStatus, 'restarts'>): AccountStatus {
    const { restarts } = this;
    const reported = this.reported!;
    const plugins = reported.plugins.map((plugin) => ({
      ...plugin,
      failures: plugin.failures + restarts,
      errors: [...plugin.errors, ...this.#ends].toSorted((a, b) => a.at.getTime() - b.at.getTime()).slice(-MAX_ERRORS),
      isolation: { ...isolation, restarts },
    }));
    const end = this.#ends.at(-1);
    if (isolation.running || reported.state === 'ended' || !end) return { ...reported, plugins };
    return { ...reported, plugins, state: 'connecting', since: end.at, problem: end.message, channels: [] };
  }
}

/** Before a worker has reported anything. */
export function unknownStatus(name: string, server: string, login: string): AccountStatus {
  const counts = { failures: 0, skipped: 0, calls: 0, running: 0 };
  const plugin = { name, file: '', state: 'waiting', suspendedUntil: undefined, hooks: [], commands: [] } as const;
  return {
    login,
    server,
    state: 'connecting',
    since: new Date(),
    problem: undefined,
    plugins: [{ ...plugin, ...counts, errors: [], jobs: [], timers: { count: 0, next: [] }, dialogues: 0 }],
    channels: [],
    channelTotals: { opened: 0, bytesReceived: 0, bytesSent: 0 },
    messages: { heard: 0, sent: 0, waiting: 0, dropped: 0 },
    questions: 0,
    muted: [],
  };
}
