import path from 'node:path';
import type { createJiti as CreateJiti, TransformOptions } from 'jiti';
import { cacheDirectory } from '../../util/cache-directory.ts';
import { packageVersion } from '../../util/version.ts';

/** Compiles a source to what jiti evaluates: Babel's code, on the same lines, with its source map in it. */
export type Compile = (options: TransformOptions) => string;

/** A compiler that keeps compiled files in the user's own cache folder, never in a shared one. */
export function createCompiler(createJiti: typeof CreateJiti): Compile {
  const babel = createJiti(import.meta.url, {
    sourceMaps: true,
    fsCache: path.join(cacheDirectory(), packageVersion()),
  });
  return (options) => {
    const { stackTraceLimit } = Error;
    try {
      return babel.transform(options);
    } finally {
      // Babel raises it to 50: each bug of a plugin would fill a screen of the log with our own calls.
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
}
