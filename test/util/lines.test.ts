import { expect, it } from 'vitest';
import { splitLines } from '../../src/util/lines.ts';

it.each([1, 3, 100])(
  'lines of as many bytes as are allowed are kept, longer ones dropped, in chunks of %i',
  async (size) => {
    const bytes = Buffer.from('12345\n123456\n\n1234\n12345');
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const lines: (string | undefined)[] = [];
    for await (const line of splitLines(chunks(), 5))
      lines.push(`${line.number} ${line.bytes?.toString()} ${line.ended}`);
    expect(lines).toEqual(['1 12345 true', '2 undefined true', '3  true', '4 1234 true', '5 12345 false']);
  },
);
