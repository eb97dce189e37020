import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';
import type { Jiti, TransformOptions } from 'jiti';
import { compileQuickly, quickColumn } from './quick-compiler.ts';

/**
 * What a source becomes for jiti to evaluate: by the quick compiler where that can be, else by Babel, whose code has its
 * map in itself.
 *
 * @param babel a jiti that compiles by its own means
 */
export function compileModule(options: TransformOptions, babel: () => Jiti): string {
  const { source, filename = '', ts: isTypeScript = false, async: isAsync = false } = options;
  const quick = isTypeScript && !filename.endsWith('x') ? compileQuickly(source, isAsync) : undefined;
  if (quick !== undefined) return quick;
  const { stackTraceLimit } = Error;
  try {
    return babel().transform(options);
  } finally {
    // Babel raises it to 50: each bug of a plugin would fill a screen of the log with our own calls.
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** In a module that it evaluates, jiti puts this before the first line. */
const WRAPPER = '(function (exports, require, module, __filename, __dirname, jitiImport, jitiESMResolve) { ';
const INLINE_MAP = /^\/\/# sourceMappingURL=data:application\/json[^,]*,(\S+)/m;

/** A source, and what {@link compileModule} made of it. */
export interface Compiled {
  readonly source: string;
  readonly code: string;
  readonly isAsync: boolean;
}

/** Where in its source stands what is at this place of the code; lines are the same, columns begin at 1. */
export function columnOf({ source, code, isAsync }: Compiled, line: number, column: number): number {
  const wrapped = line === 1 ? WRAPPER.length + (isAsync ? 'async '.length : 0) : 0;
  const at = column - 1 - wrapped;
  const [, encoded] = INLINE_MAP.exec(code) ?? [];
  if (encoded === undefined) return quickColumn(source, code, line - 1, at) + 1;
  const map = JSON.parse(Buffer.from(encoded, 'base64').toString()) as SourceMapPayload;
  const entry = new SourceMap(map).findEntry(line - 1, at) as Partial<SourceMapping>;
  return entry.originalLine === line - 1 && entry.originalColumn !== undefined ? entry.originalColumn + 1 : column;
}
