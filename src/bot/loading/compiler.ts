import { createRequire } from 'node:module';
import path from 'node:path';
import type { createJiti as CreateJiti, Jiti } from 'jiti';
import { cacheDirectory } from '../../util/cache-directory.ts';
import { packageVersion } from '../../util/version.ts';
import { parserMessage, syntaxPlugin } from './module-syntax.ts';

/**
 * What a source becomes: the body of an async function that awaits its imports, of a function that requires them, or of
 * a CommonJS module. Each line stays where it was, and the source map is in the last one.
 */
export type ModuleForm = 'async' | 'sync' | 'commonjs';

/** Compiles a TypeScript or JavaScript source. */
export type Compile = (file: string, source: string, form: ModuleForm) => string;

/** A source that does not compile. */
export class CompileError extends SyntaxError {
  override readonly name = 'CompileError';
  readonly file: string;
  readonly line: number;
  /** Begins at 1. */
  readonly column: number;

  constructor(message: string, file: string, line: number, column: number) {
    super(message);
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** Counts the versions of what {@link syntaxPlugin} makes of a source: cached files of others are not used. */
const CACHE_FORMAT = 6;
/** What jiti compiles a source to that has an error. */
const FAILED = 'exports.__JITI_ERROR__ = ';

const require = createRequire(import.meta.url);

/** jiti: a compiler, Babel, and the resolution of imports that leave out extensions. */
export function createJiti(file: string, options: Parameters<typeof CreateJiti>[1]): Jiti {
  // By require: import would read the file twice, once for the names of its exports.
  return (require('jiti') as { createJiti: typeof CreateJiti }).createJiti(file, options);
}

/** A compiler that keeps compiled files in the user's own cache folder, never in a shared one. */
export function createCompiler(): Compile {
  const folder = path.join(cacheDirectory(), packageVersion());
  const compilers = new Map<ModuleForm, Jiti>();
  return (file, source, form) => {
    let compiler = compilers.get(form);
    if (!compiler) {
      compiler = createJiti(import.meta.url, { fsCache: path.join(folder, `${form}-${CACHE_FORMAT}`) });
      compilers.set(form, compiler);
    }
    const { stackTraceLimit } = Error;
    try {
      const code = compiler.transform({
        filename: file,
        source,
        ts: /tsx?$/.test(file),
        async: form === 'async',
        interopDefault: true,
        babel: {
          sourceMaps: 'inline',
          sourceFileName: file,
          plugins: [[syntaxPlugin, { jsx: !/\.[cm]?ts$/.test(file), ts: /tsx?$/.test(file) }]],
          ...(form === 'commonjs' && { sourceType: 'script', parserOpts: { allowReturnOutsideFunction: true } }),
        },
      });
      if (!code.startsWith(FAILED)) return code;
      const { message, line, column } = JSON.parse(code.slice(FAILED.length)) as CompileError;
      // Babel's columns begin at 0.
      throw new CompileError(parserMessage(message.trim()), file, line, column + 1);
    } finally {
      // Babel raises it to 50: each bug of a plugin would fill a screen of the log with our own calls.
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
}
