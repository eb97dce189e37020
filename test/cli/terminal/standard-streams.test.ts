import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { tempDirectory } from '../../support/bot-files.ts';

const MODULE = path.resolve('src/cli/terminal/standard-streams.ts');
const SCRIPT = `
  import { truncateSync } from 'node:fs';
  import { createJiti } from ${JSON.stringify(import.meta.resolve('jiti'))};
  const { loseErrorLines, ownStandardStreams } = await createJiti(process.cwd()).import(${JSON.stringify(MODULE)});
  ownStandardStreams();
  loseErrorLines((lines) => 'lost ' + lines);
  process.stderr.write('one\\n', () => {
    truncateSync('log');
    process.stderr.write('two\\n');
  });
`;

test.skipIf(process.platform === 'win32')(
  'a log goes on when its full disk has room again, and counts what is lost',
  async () => {
    const cwd = await tempDirectory();
    const log = path.join(cwd, 'log');
    // A file that may not grow is full, too.
    writeFileSync(log, Buffer.alloc(1024 * 1024));
    const node = [process.execPath, '--input-type=module', '-e', SCRIPT];
    execFileSync('bash', ['-c', 'ulimit -f 1024; exec "$@" 2>> log', 'bash', ...node], { cwd });
    expect(readFileSync(log, 'utf8')).toBe('two\nlost 1\n');
  },
);
