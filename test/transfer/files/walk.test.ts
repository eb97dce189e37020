import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { walk } from '../../../src/transfer/files/walk.ts';
import { openIn } from '../../support/open-files.ts';
import { lab } from './rig.ts';

test('a walk that is given up at a folder has it closed', async () => {
  const folder = lab();
  mkdirSync(path.join(folder, 'deep', 'er'), { recursive: true });
  for (const steps of [1, 2, 3]) {
    const entries = walk([{ path: folder, name: 'it' }], { outsideLinks: 'refuse', onLeftOut: () => undefined });
    const paths: string[] = [];
    for (let step = 0; step < steps; step += 1) paths.push((await entries.next()).value!.path);
    expect(paths).toEqual(['it', 'it/deep', 'it/deep/er'].slice(0, steps));
    await entries.return(undefined);
    expect(openIn(folder)).toEqual([]);
  }
});
