import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChatosError } from '../../../src/errors.ts';
import { memoryPair } from './memory-channels.ts';
import { Collector, lentSource, pipeBoth, type Outcome } from './rig.ts';

/** A stream: its chunks, and how many turns of the event loop its output takes for a write. */
const STREAM = fc.record({
  chunks: fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), { maxLength: 12 }),
  outputTurns: fc.nat({ max: 4 }),
});
const HELLOS_BYTES = 80;

const CASE = fc.record({
  there: STREAM,
  back: STREAM,
  windowBytes: fc.tuple(fc.integer({ min: 1, max: 8_000 }), fc.integer({ min: 1, max: 8_000 })),
  pieceBytes: fc.integer({ min: 1, max: 2_000 }),
});

/** Many breaks are within the few bytes in which a connection begins, or a stream ends. */
const BREAK = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 30_000 }));

type Streams = typeof CASE extends fc.Arbitrary<infer T> ? T : never;

async function carry({ there, back, windowBytes, pieceBytes }: Streams, breaks: readonly number[], reconnect: boolean) {
  const slow = (turns: number) => async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
  };
  const [question, answer] = [there, back].map(({ chunks }) => chunks.map((chunk) => Buffer.from(chunk)));
  const outputs = { requester: new Collector(slow(back.outputTurns)), target: new Collector(slow(there.outputTurns)) };
  const limits = { reopenTimeoutMs: 100, helloTimeoutMs: 30_000 };
  const result = await pipeBoth({
    requester: { input: lentSource(question!), output: outputs.requester, windowBytes: windowBytes[0], ...limits },
    target: { input: lentSource(answer!), output: outputs.target, windowBytes: windowBytes[1], ...limits },
    reconnect,
    connections: breaks.map((breakAfterBytes) => () => memoryPair({ breakAfterBytes, pieceBytes: () => pieceBytes })),
  });
  return { result, outputs, question: Buffer.concat(question!), answer: Buffer.concat(answer!) };
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const isSuccess = (outcome: Outcome): boolean => !(outcome instanceof Error);

/** A side that succeeds has everything, and so has its peer; one that fails has the beginning. Returns what is otherwise. */
function lies({ result, outputs, question, answer }: Awaited<ReturnType<typeof carry>>): string[] {
  const found: string[] = [];
  const isOneDone = isSuccess(result.requester) || isSuccess(result.target);
  const sides = [
    { side: 'requester', outcome: result.requester, output: outputs.requester, sent: answer },
    { side: 'target', outcome: result.target, output: outputs.target, sent: question },
  ] as const;
  for (const { side, outcome, output, sent } of sides) {
    if (outcome instanceof Error && !isChatosError(outcome, 'DATA_INCOMPLETE')) found.push(`${side}: ${outcome.stack}`);
    if (!sent.subarray(0, output.bytes.length).equals(output.bytes)) found.push(`${side}: wrong bytes`);
    if (!isOneDone) continue;
    if (digest(output.bytes) !== digest(sent)) found.push(`${side}: bytes are missing, and one side does not know it`);
    if (!output.ended) found.push(`${side}: the output was not ended`);
  }
  return found;
}

const failures = ({ result }: Awaited<ReturnType<typeof carry>>): Outcome[] =>
  [result.requester, result.target].filter((outcome) => !isSuccess(outcome));

describe('a verified pipe, whatever is sent and wherever it breaks', () => {
  it('succeeds on both sides where nothing breaks', async () => {
    await fc.assert(
      fc.asyncProperty(CASE, async (streams) => {
        const carried = await carry(streams, [], false);
        expect([...lies(carried), ...failures(carried)]).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('succeeds only with all bytes where the connection breaks', async () => {
    await fc.assert(
      fc.asyncProperty(CASE, BREAK, async (streams, at) => {
        expect(lies(await carry(streams, [at], false))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('goes on over other connections, on both sides to the end, once both have said their hello', async () => {
    await fc.assert(
      fc.asyncProperty(CASE, BREAK, fc.array(BREAK, { maxLength: 5 }), async (streams, first, more) => {
        const carried = await carry(streams, [HELLOS_BYTES + first, ...more], true);
        expect([...lies(carried), ...failures(carried)]).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('says the truth, too, where it breaks before both have said their hello', async () => {
    await fc.assert(
      fc.asyncProperty(CASE, fc.integer({ min: 1, max: HELLOS_BYTES }), async (streams, first) => {
        expect(lies(await carry(streams, [first], true))).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});
