import { expect, test } from 'vitest';
import { reporter } from '../../../src/cli/piping/report.ts';
import { stallStandardError } from '../../support/stalled-stderr.ts';

test('a reader of reports that stalls costs lines, which are counted, and no memory', async () => {
  const stderr = stallStandardError();
  const report = reporter({ keep: true });
  const count = 30_000;
  for (let peer = 0; peer < count; peer += 1) report('connected', `connected to peer ${peer}`, { peer: String(peer) });
  expect(stderr.writableLength).toBeLessThan(1024 * 1024);
  stderr.goOn();
  await expect.poll(() => stderr.taken.at(-1)).toMatch(/\d+ lines were lost here: they could not be written/);
  const lost = Number(/\d+/.exec(stderr.taken.at(-1)!)![0]);
  expect(lost).toBeGreaterThan(count / 2);
  expect(stderr.taken).toHaveLength(count - lost + 1);
});
