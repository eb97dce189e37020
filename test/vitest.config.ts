import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^chatosbot$/, replacement: `${root}src/index.ts` },
      { find: /^chatosbot\/runtime$/, replacement: `${root}src/bot/index.ts` },
      { find: /^chatosbot\/(\w+)$/, replacement: `${root}src/$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // For a test that hangs. What is slow on a busy machine passes.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    // What tests import means what it means in Node.js.
    deps: { interopDefault: false },
    // Many tests wait for child processes and time-outs: one more worker than there are processors on a small machine.
    maxWorkers: 3,
  },
});
