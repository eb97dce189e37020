import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { tempDirectory } from '../../support/bot-files.ts';

const MODULE = path.resolve('src/cli/terminal/shared-process.ts');
/** The only thread waits for ever, and a name is looked up behind it. */
const script = (code: number): string => `
  import { openSync, read } from 'node:fs';
  import { lookup } from 'node:dns';
  import { createJiti } from ${JSON.stringify(import.meta.resolve('jiti'))};
  const { endProcess } = await createJiti(process.cwd()).import(${JSON.stringify(MODULE)});
  read(openSync('silent', 'r+'), Buffer.alloc(1), 0, 1, null, () => undefined);
  lookup('chat.example.org', () => undefined);
  process.on('exit', (code) => console.log('exit', code));
  process.on('SIGTERM', () => undefined);
  endProcess(${code});
`;

test.skipIf(process.platform === 'win32')(
  'a signal ends the process at once while a name server does not answer',
  async () => {
    const cwd = await tempDirectory();
    execFileSync('mkfifo', ['silent'], { cwd });
    const node = [process.execPath, '--input-type=module', '-e', script(143)];
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
    const shell = spawnSync('bash', ['-c', '"$@"; echo $?', 'bash', ...node], { cwd, env, timeout: 20_000 });
    expect(String(shell.stdout)).toBe('exit 143\n143\n');
  },
);
