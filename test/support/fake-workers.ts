/** Worker processes that a test ends, and which answer what it says. */
import { withResolvers } from '../../src/util/deferred.ts';

export class FakeProcess {
  readonly pid = 1;
  isWatched = false;
  readonly wire = { ask: (what: string): Promise<unknown> => FakeProcess.answer(what, this) };
  readonly #end = withResolvers<string>();
  readonly ended = this.#end.promise;
  readonly name: unknown;
  readonly #handlers: { onEnd(): void };

  /** All that were made, in order. */
  static readonly all: FakeProcess[] = [];
  static answer: (what: string, by: FakeProcess) => Promise<unknown>;
  /** Where it is given, none can be made. */
  static failure: Error | undefined;

  /** Before each test. */
  static reset(): void {
    FakeProcess.all.length = 0;
    FakeProcess.answer = () => Promise.resolve();
    FakeProcess.failure = undefined;
  }

  constructor(name: unknown, _answers: unknown, handlers: { onEnd(): void }) {
    if (FakeProcess.failure) throw FakeProcess.failure;
    this.name = name;
    this.#handlers = handlers;
    FakeProcess.all.push(this);
  }

  async start(): Promise<void> {
    await this.wire.ask('start');
    this.isWatched = true;
  }

  disconnect(): void {
    this.die();
  }

  die(): void {
    this.#handlers.onEnd();
    this.#end.resolve('SIGKILL');
  }
}

/** For `vi.mock` of `worker-process.ts`. */
export function fakeWorkers() {
  return {
    WorkerProcess: function make(...args: ConstructorParameters<typeof FakeProcess>) {
      return new FakeProcess(...args);
    } as never,
  };
}
