import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { labFile, startProgram } from './chatosbot.ts';

const LIBRARY = fileURLToPath(new URL('../../dist/server/index.js', import.meta.url));
const LINES = 400_000;

/** Logs 60 MB when it is asked to, and says when it has. */
const PROGRAM = `import { createLogger } from '${LIBRARY}';
const log = createLogger();
log.info('begun');
process.stdin.once('data', () => {
  for (let i = 0; i < ${LINES}; i++) log.info('x'.repeat(120));
  console.log('logged');
  process.stdin.once('data', () => process.stdin.destroy());
});`;

test('the log of a program costs lines where its reader has stalled, not memory, and says how many', async () => {
  const program = startProgram(process.execPath, [labFile('program.mjs', PROGRAM)], { input: 'open' });
  await program.line(/begun/);
  program.stallErrors();
  program.type('go\n');
  await program.line(/logged/, 'stdout');
  expect(program.peakMemory()).toBeLessThan(200 * 1024 * 1024);
  program.resumeErrors();
  const [, lost] = await program.line(/ warn {2}(\d+) lines of the log were lost: they could not be written lost=\1$/);
  program.type('end\n');
  const { status, stderr } = await program.exit();
  expect(status).toBe(0);
  expect(Number(lost) + (stderr.match(/x{120}$/gm) ?? []).length).toBe(LINES);
});
