import { setTimeout } from 'node:timers/promises';
import type { KV, KvWatchEntry } from '@nats-io/kv';
import { ChatosError, messageOf } from '../../errors.ts';
import { pause } from '../../util/timeout.ts';
import type { Broker } from './broker.ts';

/** What a key has; another revision each time that it is put. */
export interface BucketRecord {
  readonly key: string;
  readonly value: Uint8Array;
  /** Grows over all keys of the bucket. */
  readonly revision: number;
  /** When it was put, by the server's clock, in milliseconds since 1970. */
  readonly putAtMs: number;
}

/** A bucket is opened again after this where it could not be. */
const RETRY_MS = 250;

/** So many records are read at once. */
const READ_AT_ONCE = 64;

/** The codes of NATS for a put whose key has another revision than was thought, and for a record that is not there. */
const WRONG_REVISION = [10071, 10164];
/** Where two make a bucket at the same time, old servers may say to one of them that it is in its own way. */
const OVERLAPS = [10065];
const MAKE_AGAIN = 3;
/** Servers of one cluster that have just started do not know each other yet, and have no place for a bucket. */
const NO_PEERS = [10005];
const PEERS_MS = 10_000;
const NO_RECORD = [10037, 10043, 10057];

/**
 * Keys and values in a bucket of JetStream. A key is made by `put` with revision 0, and removed by its revision: with several
 * replicas, old servers let several win who overwrite a removed key.
 */
export class Bucket {
  readonly name: string;
  readonly #broker: Broker;
  readonly #ttlMs: number;
  #kv!: KV;
  #lastRevision = 0;

  private constructor(broker: Broker, name: string, ttlMs: number) {
    this.#broker = broker;
    this.name = name;
    this.#ttlMs = ttlMs;
  }

  /**
   * Opens a bucket, and makes it where it is not there.
   *
   * @param ttlMs a record is gone after this, in milliseconds; 0 for never
   * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be as it should, `CONNECT_FAILED` where too few servers of a
   *   cluster know each other, even after some seconds
   */
  static async open(broker: Broker, name: string, ttlMs: number): Promise<Bucket> {
    const bucket = new Bucket(broker, name, ttlMs);
    await bucket.ensure();
    return bucket;
  }

  /**
   * Makes the bucket where it is not there. Returns when it was made, by the server's clock, in milliseconds since 1970: at
   * another time, what was in it is gone. Where the machine of the server has crashed, what was put last may be gone, too.
   *
   * @throws {ChatosError} as {@link Bucket.open}
   */
  async ensure(): Promise<{ readonly madeAtMs: number; readonly hasGoneBack: boolean }> {
    const { replicas } = this.#broker;
    try {
      this.#kv = await this.#make(replicas);
      const before = this.#lastRevision;
      const { streamInfo } = await this.#kv.status();
      this.#lastRevision = streamInfo.state.last_seq;
      return { madeAtMs: Date.parse(streamInfo.created), hasGoneBack: this.#lastRevision < before };
    } catch (error) {
      throw bucketError(this.name, replicas, error);
    }
  }

  async #make(replicas: number): Promise<KV> {
    const settings = { history: 1, replicas, allow_direct: false, ...(this.#ttlMs > 0 && { ttl: this.#ttlMs }) };
    const endMs = performance.now() + PEERS_MS;
    let left = MAKE_AGAIN;
    for (;;) {
      try {
        return await this.#broker.buckets.create(this.name, settings);
      } catch (error) {
        const isDue = isApiError(error, NO_PEERS)
          ? performance.now() < endMs
          : isApiError(error, OVERLAPS) && left-- > 0;
        if (!isDue) throw error;
        await setTimeout(RETRY_MS);
      }
    }
  }

  /**
   * How long its records last, in milliseconds: as the bucket was made, which may not be as it was opened.
   *
   * @throws {ChatosError} as {@link put}
   */
  async ttlMs(): Promise<number> {
    const { ttl } = await this.#kv.status().catch(rethrow);
    return ttl;
  }

  /**
   * From now on its records last as long as it was opened for.
   *
   * @throws {ChatosError} as {@link put}
   */
  async changeTtl(): Promise<void> {
    const lasts = this.#ttlMs * 1e6;
    await this.#broker.streams.streams.update(this.#stream, { max_age: lasts, duplicate_window: lasts }).catch(rethrow);
  }

  /**
   * Puts a value where the key has this revision, 0 being for none. Returns its new revision; `undefined` where the key has
   * another one.
   *
   * @throws {ChatosError} `CONNECTION_LOST` where nobody knows whether it was put, `STORE_UNAVAILABLE` where the bucket is
   *   gone, or has been made again: it counts as not put then
   */
  async put(key: string, value: Uint8Array, previous: number, timeoutMs?: number): Promise<number | undefined> {
    const before = this.#lastRevision;
    try {
      const of = { previousSeq: previous, ...(timeoutMs !== undefined && { timeout: timeoutMs }) };
      const revision = await this.#kv.put(key, value, of);
      if (revision <= before) await this.#onRestart(revision, before);
      this.#lastRevision = Math.max(this.#lastRevision, revision);
      return revision;
    } catch (error) {
      if (isApiError(error, WRONG_REVISION)) return undefined;
      throw storeError(error);
    }
  }

  /**
   * What a key has, as the server knows it that decides.
   *
   * @throws {ChatosError} as {@link put}
   */
  async last(key: string): Promise<BucketRecord | undefined> {
    try {
      const { streams } = this.#broker.streams;
      const found = await streams.getMessage(this.#stream, { last_by_subj: `$KV.${this.name}.${key}` });
      if (!found) return undefined;
      return { key, value: found.data, revision: found.seq, putAtMs: found.time.getTime() };
    } catch (error) {
      if (isApiError(error, NO_RECORD)) return undefined;
      throw storeError(error);
    }
  }

  /**
   * Removes what has this revision, if it is still there.
   *
   * @throws {ChatosError} as {@link put}
   */
  async remove(revision: number): Promise<void> {
    try {
      await this.#broker.streams.streams.deleteMessage(this.#stream, revision, false);
    } catch (error) {
      if (!isApiError(error, NO_RECORD)) throw storeError(error);
    }
  }

  /**
   * All records: those of keys that are there when it begins. (The history of a KV does not end on old servers where keys are put
   * meanwhile.)
   *
   * @throws {ChatosError} as {@link put}
   */
  async *records(): AsyncGenerator<BucketRecord> {
    const keys = await this.#keys();
    while (keys.length > 0) {
      const some = await Promise.all(keys.splice(0, READ_AT_ONCE).map((key) => this.last(key)));
      for (const record of some) if (record) yield record;
    }
  }

  /**
   * Calls back with each record, and with each that is put from then on, until `signal` is aborted. Where the connection was
   * lost, it calls back with all records again. It does not say what was removed.
   */
  watch(onRecord: (record: BucketRecord) => void, signal: AbortSignal): void {
    void this.#watch(onRecord, signal);
  }

  async #keys(): Promise<string[]> {
    try {
      const { state } = await this.#broker.streams.streams.info(this.#stream, { subjects_filter: '>' });
      return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(`$KV.${this.name}.`.length));
    } catch (error) {
      throw storeError(error);
    }
  }

  get #stream(): string {
    return `KV_${this.name}`;
  }

  async #watch(onRecord: (record: BucketRecord) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#broker.whenReachable(signal);
      const { connected } = this.#broker;
      let stop = (): void => undefined;
      try {
        const entries = await this.#kv.watch();
        stop = () => entries.stop();
        this.#broker.on('reachable', stop);
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted || connected !== this.#broker.connected) stop();
        for await (const entry of entries) if (entry.operation === 'PUT') onRecord(recordOf(entry));
      } catch {
        await pause(RETRY_MS, signal);
      }
      this.#broker.off('reachable', stop);
      signal.removeEventListener('abort', stop);
    }
  }

  /** A bucket that was made again counts from 1. */
  async #onRestart(revision: number, before: number): Promise<never> {
    await this.remove(revision);
    const message = `the bucket ${this.name} has been made again: after revision ${before} comes ${revision}`;
    throw new ChatosError('STORE_UNAVAILABLE', message);
  }
}

function recordOf({ key, value, revision, created }: KvWatchEntry): BucketRecord {
  return { key, value, revision, putAtMs: created.getTime() };
}

function isApiError(error: unknown, codes: readonly number[]): boolean {
  return codes.includes((error as { readonly code?: unknown }).code as number);
}

function storeError(error: unknown): ChatosError {
  if (error instanceof ChatosError) return error;
  const { name } = error as { readonly name?: unknown };
  // Nobody listens to the subjects of a bucket that is gone.
  const isGone = name === 'JetStreamNotEnabled' || name === 'StreamNotFoundError';
  const code = isGone ? 'STORE_UNAVAILABLE' : 'CONNECTION_LOST';
  return new ChatosError(code, `NATS: ${messageOf(error)}`, { cause: error });
}

function rethrow(error: unknown): never {
  throw storeError(error);
}

function bucketError(name: string, replicas: number, error: unknown): ChatosError {
  const { name: kind } = error as { readonly name?: unknown };
  if (kind !== 'JetStreamApiError') return storeError(error);
  const hint = replicas > 1 ? `; ${replicas} replicas need as many servers (serve.cluster.replicas)` : '';
  const message = `NATS cannot have the bucket ${name}: ${messageOf(error)}${hint}`;
  const code = isApiError(error, NO_PEERS) ? 'CONNECT_FAILED' : 'INVALID_ARGUMENT';
  return new ChatosError(code, message, { cause: error });
}
