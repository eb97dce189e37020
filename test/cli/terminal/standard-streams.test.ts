import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { Output } from '../../../src/cli/terminal/standard-streams.ts';
import { tempDirectory } from '../../support/bot-files.ts';

const MODULE = path.resolve('src/cli/terminal/standard-streams.ts');
const SCRIPT = `
  import { truncateSync } from 'node:fs';
  import { createJiti } from ${JSON.stringify(import.meta.resolve('jiti'))};
  const { loseErrorLines, loseOutputLines, ownStandardStreams } = await createJiti(process.cwd()).import(${JSON.stringify(MODULE)});
  ownStandardStreams();
  loseErrorLines((lines) => 'lost ' + lines);
  loseOutputLines((lines) => 'lost ' + lines);
  process.stdout.on('error', () => undefined);
  for (const [stream, file] of [[process.stderr, 'log'], [process.stdout, 'report']])
    stream.write('one\\n', () => {
      truncateSync(file);
      stream.write('two\\n');
    });
`;

test.skipIf(process.platform === 'win32')(
  'a log and a report go on when their full disk has room again, and count what is lost',
  async () => {
    const cwd = await tempDirectory();
    const files = ['log', 'report'].map((name) => path.join(cwd, name));
    // A file that may not grow is full, too.
    for (const file of files) writeFileSync(file, Buffer.alloc(1024 * 1024));
    const node = [process.execPath, '--input-type=module', '-e', SCRIPT];
    execFileSync('bash', ['-c', 'ulimit -f 1024; exec "$@" 2>> log >> report', 'bash', ...node], { cwd });
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(['two\nlost 1\n', 'two\nlost 1\n']);
  },
);

test('a write behind one that has failed fails as well, and nothing is kept of it', async () => {
  const output = new Output(1, 'closed').on('error', () => undefined);
  const write = (): Promise<unknown> => new Promise((resolve) => void output.write('x\n', resolve));
  for (const result of [await write(), await write(), await write()])
    expect(result).toMatchObject({ code: 'EBADF', syscall: 'write' });
  expect(output.writableLength).toBeLessThan(10);
});
