import type { RuntimeStatus } from '../bot/status.ts';
import type { Clock } from '../util/clock.ts';
import { escapeUnsafe, toJsonLine } from '../util/escape.ts';
import type { Answer } from './answer.ts';
import type { AuditState } from './audit/audit-file.ts';
import { clusterLines } from './cluster.ts';
import { DelayHistogram } from './delay-histogram.ts';
import { EventLoopDelay } from './event-loop-delay.ts';
import { History } from './history.ts';
import { METRICS_CONTENT_TYPE } from './metrics-text.ts';
import { renderMetrics } from './metrics.ts';
import { Readiness } from './readiness.ts';
import { statusDocument, type ObservedServer, type StatusDocument } from './status-document.ts';
import { workersMemory } from './workers.ts';
import { statusPage } from './status-page.ts';

/** Only what is short may come later: requests may wait for it, and all of their answers with them. */
type Page = (query: URLSearchParams) => Answer | Promise<Answer>;

/** What the pages show. */
export interface Observed {
  readonly runtime?: { readonly status: RuntimeStatus } | undefined;
  readonly server?: ObservedServer | undefined;
  readonly audit?: { readonly state: AuditState } | undefined;
}

const JSON_TYPE = 'application/json';

/** The pages of the status endpoint, by their paths, and what they measure meanwhile. */
export class StatusPages {
  readonly #observed: Observed;
  readonly #clock: Clock;
  readonly #delay = new EventLoopDelay();
  readonly #delays = new DelayHistogram();
  readonly #history: History;
  readonly #readiness: Readiness | undefined;

  readonly byPath: Readonly<Record<string, Page>> = {
    '/': () => statusPage(),
    '/healthz': () => ({ body: this.#ok() }),
    '/readyz': async () => {
      await Promise.all([this.#readiness?.problem(), this.#observed.server?.refresh?.()]);
      const { problems } = this.#document();
      if (problems.length === 0) return { body: this.#ok() };
      return { status: 503, body: problems.map((line) => `${escapeUnsafe(line)}\n`).join('') };
    },
    '/metrics': () =>
      this.#refreshed(() => ({
        type: METRICS_CONTENT_TYPE,
        body: renderMetrics(this.#document(), this.#delays.value),
      })),
    '/status': () => this.#refreshed(() => ({ type: JSON_TYPE, body: `${toJsonLine(this.#document())}\n` })),
    '/history': (query) => {
      const after = Number(query.get('after') ?? -Infinity);
      return { type: JSON_TYPE, body: `${toJsonLine(this.#history.document(after))}\n` };
    },
  };

  constructor(observed: Observed, clock: Clock) {
    this.#observed = observed;
    this.#clock = clock;
    const { runtime, server } = observed;
    this.#readiness = server && new Readiness(server);
    this.#history = new History(
      { server: server !== undefined, bots: runtime !== undefined },
      () => ({
        stats: server?.stats,
        accounts: runtime?.status.accounts,
        workersBytes: server ? workersMemory(server) : 0,
      }),
      clock,
    );
  }

  stop(): void {
    this.#delay.stop();
    this.#delays.stop();
    this.#history.stop();
  }

  /** In a cluster, how that goes. */
  #ok(): string {
    const { cluster } = this.#observed.server ?? {};
    return ['ok', ...(cluster ? clusterLines(cluster) : [])].map((line) => `${escapeUnsafe(line)}\n`).join('');
  }

  /** What a server in this process has is known at once. */
  #refreshed(answer: () => Answer): Answer | Promise<Answer> {
    return this.#observed.server?.refresh?.().then(answer) ?? answer();
  }

  #document(): StatusDocument {
    const { runtime, server, audit } = this.#observed;
    const { before } = this.#history;
    const delay = this.#delay.seconds;
    const serverProblem = this.#readiness?.lastProblem;
    const sources = { runtime: runtime?.status, server, audit: audit?.state, before, serverProblem, delay };
    return statusDocument(sources, this.#clock.now());
  }
}
