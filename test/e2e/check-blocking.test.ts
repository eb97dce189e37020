/** Plugins that do not finish loading. Each takes half a minute, so they are waited for together. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAB, labFile, start } from './chatosbot.ts';

const PATIENCE_MS = 90_000;
/** Blocks the thread without using the processor. */
const BLOCK = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
const PARTS = 'export const onStart = () => {};';

test(
  'check gives up plugins that do not finish loading, and reports what is wrong with the others',
  async () => {
    labFile('blocking/blocks.ts', `${BLOCK}\n${PARTS}`);
    labFile('blocking/isolated.ts', `await null;\n${BLOCK}\n${PARTS}`);
    labFile('blocking/waits.ts', `setInterval(() => {}, 1000);\nawait new Promise(() => {});\n${PARTS}`);
    labFile(
      'blocking/schema.ts',
      `export const options = { '~standard': { version: 1, vendor: 'x', validate() { ${BLOCK} } } };\n${PARTS}`,
    );
    labFile('blocking/broken.ts', 'export const onStart = ( => {};\n');
    labFile('blocking/late.ts', `setTimeout(() => { ${BLOCK} }, 1);\n${PARTS}`);
    labFile(
      'blocking/all.yaml',
      'bots:\n  - ./blocks.ts\n  - { path: ./isolated.ts, isolate: worker }\n  - ./waits.ts\n  - ./schema.ts\n  - ./broken.ts\n  - ./late.ts\n',
    );
    // Reading it waits for a writer, which no thread can be woken from.
    execFileSync('mkfifo', [path.join(LAB, 'blocking/fifo')]);
    labFile(
      'blocking/reads.ts',
      `import { readFileSync } from 'node:fs';\nreadFileSync(new URL('fifo', import.meta.url));\n${PARTS}`,
    );
    labFile('settled/chatosbot.config.mjs', 'export default () => new Promise(() => {});');
    const [all, reads, config] = await Promise.all([
      start(['check', '--config', '../blocking/all.yaml']).exit(PATIENCE_MS),
      start(['check', '../blocking/reads.ts']).exit(PATIENCE_MS),
      start(['check', '--config', '../settled/chatosbot.config.mjs']).exit(PATIENCE_MS),
    ]);
    expect(all.stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/blocks\.ts: the plugin blocked its worker for more than 30 s$/),
      expect.stringMatching(/isolated\.ts: the plugin blocked its worker for more than 30 s$/),
      expect.stringMatching(/waits\.ts: loading timed out after 30 s; a top-level await takes too long$/),
      expect.stringMatching(/schema\.ts: the plugin blocked its worker for more than 30 s$/),
      expect.stringMatching(/broken\.ts:1:26: /),
    ]);
    expect(all.status).toBe(2);
    expect(reads.stderr).toMatch(/^chatosbot: \S*reads\.ts: the plugin blocked its worker for more than 30 s\n$/);
    expect(reads.signal).toBe('SIGKILL');
    expect(config).toMatchObject({ status: 2, stderr: expect.stringMatching(/mjs: loading timed out after 30 s\n$/) });
  },
  PATIENCE_MS,
);
