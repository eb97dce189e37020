import { expect, it } from 'vitest';
import { HELLO_MAGIC } from '../../src/transfer/verified/hello.ts';
import { plainOutput } from '../../src/transfer/plain-output.ts';
import { Collector } from './verified/rig.ts';

/** What a plain pipe's output gets of these chunks, whose buffer is used again. */
async function written(...chunks: readonly (string | Buffer)[]): Promise<string> {
  const collector = new Collector();
  const output = plainOutput(collector, 'bob');
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk);
    await output.write(lent);
    lent.fill(0xee);
  }
  await output.end();
  return collector.bytes.toString('latin1');
}

it('a plain output gets what comes, at once', async () => {
  const collector = new Collector();
  await plainOutput(collector, 'bob').write(Buffer.from('a'));
  expect(String(collector.bytes)).toBe('a');
  expect(await written('one', 'two')).toBe('onetwo');
  expect(await written()).toBe('');
});

it('a plain output gets what only begins like a hello', async () => {
  const begin = HELLO_MAGIC.subarray(0, 7);
  const text = begin.toString('latin1');
  expect(await written(begin)).toBe(text);
  expect(await written(begin.subarray(0, 2), begin.subarray(2), 'other')).toBe(`${text}other`);
  expect(await written('a', HELLO_MAGIC)).toBe(`a${HELLO_MAGIC.toString('latin1')}`);
});

it('a plain output gets nothing from a peer that uses --verify', async () => {
  const message = 'bob uses --verify: use it here too';
  const expected = expect.objectContaining({ code: 'DATA_INCOMPLETE', message });
  await expect(written(Buffer.concat([HELLO_MAGIC, Buffer.alloc(24)]))).rejects.toEqual(expected);
  await expect(written(HELLO_MAGIC.subarray(0, 9), HELLO_MAGIC.subarray(9))).rejects.toEqual(expected);
});
