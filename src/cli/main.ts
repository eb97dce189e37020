import module from 'node:module';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { cacheDirectory } from '../util/cache-directory.ts';
import { packageVersion } from '../util/version.ts';
import { ownStandardStreams } from './terminal/standard-streams.ts';

ownStandardStreams();
// Without a listener, Node.js opens its debugger to all users of the machine.
process.on('SIGUSR1', () => undefined);

const [, , first] = process.argv;
// Where many pipes run, each should be small: V8 need not make room for garbage as modules are loaded (4 of 68 MiB), and as
// thousands of small files go through (40 of 110 MiB).
if (first === 'pipe' || first === 'send' || first === 'receive') setFlagsFromString('--semi-space-growth-factor=1');
if (first === '--version' || first === '-V') {
  // What all else takes is not loaded for it.
  const lost = await new Promise<unknown>((resolve) => {
    process.stdout.once('error', resolve).write(`${packageVersion()}\n`, resolve);
  });
  if (lost) process.exitCode = (await import('./program.ts')).fail(lost);
} else {
  // The next start is faster: Node.js 22.1 and later can keep what V8 has compiled.
  const { enableCompileCache } = module as { enableCompileCache?: (directory: string) => unknown };
  enableCompileCache?.(path.join(cacheDirectory(), 'code'));
  await (await import('./program.ts')).runProgram();
}
