import { createRequire, type SourceMapPayload } from 'node:module';
import vm from 'node:vm';
import type * as Sucrase from 'sucrase';
import { takeExports, takeImports } from './quick-modules.ts';

const require = createRequire(import.meta.url);

/** One file, made by the build; from src/ and from dist/ it is the same. */
const BUILT = '../../../dist/vendor/sucrase.cjs';

/** What Sucrase leaves out or makes otherwise than Babel, and names that mean something else to what jiti evaluates. */
const BEYOND =
  /^#!|<!--|-->|\r(?!\n)|[\u2028\u2029]|\bimport\s*\(|\bimport\.meta\b|\bexport\s*=|\b(?:namespace|enum|exports|module|require|__filename|__dirname|jitiImport|jitiESMResolve|_quick\w*)\b|\bconstructor\s*\([^)]{0,1000}\b(?:public|private|protected|readonly|override)\b/;

/**
 * Compiles what most bots are made of, files of TypeScript that import nothing but Node's modules and chatosbot, to what
 * jiti evaluates. It takes a fraction of the time that it takes to load Babel alone. Lines stay where they are.
 *
 * As what such a file imports never changes, its imports become constants; as nothing that it imports imports it, they
 * can stand before all else. What it exports is read when it is asked for. All other code is its own, without its types.
 *
 * @param isAsync whether imports are awaited
 * @returns `undefined` where it takes Babel to compile the source, or to say what is wrong with it
 */
export function compileQuickly(source: string, isAsync: boolean): string | undefined {
  if (BEYOND.test(source)) return undefined;
  try {
    const stripped = transform(source, ['typescript']).code;
    if (joinsWithoutTypes(source, stripped)) return undefined;
    const { constants, rest } = takeImports(stripped, isAsync ? 'await jitiImport' : 'require');
    const { getters, body } = takeExports(rest, exportedNames(source));
    const code = `"use strict";${getters}${constants}${PREFIX_END}${body}`;
    // Sucrase looks for few mistakes. These two find the others, and what waits or returns at the top of its file.
    const script = code.replaceAll('await jitiImport', 'require');
    new vm.Script(script);
    new vm.Script(`class _quick { static { ${script}\n} }`);
    return code;
  } catch {
    return undefined;
  }
}

/** The map of what {@link compileQuickly} made of a source, but for what it put before the first line. */
export function quickSourceMap(source: string): SourceMapPayload {
  const options = { filePath: 'source', sourceMapOptions: { compiledFilename: 'compiled' } };
  return transform(source, ['typescript'], options).sourceMap as unknown as SourceMapPayload;
}

/** How long what is put before the first line is. */
export function quickPrefix(code: string): number {
  return code.indexOf(PREFIX_END) + PREFIX_END.length;
}

const PREFIX_END = '/*quick*/';

/** What may go on with the statement of the line before. */
const GOES_ON = /^\s*(?:[([`+\-*/<.?,=:&|^%!]|in\b|instanceof\b)/;
/** What may go on in the next line where nothing is behind it any more. */
const OPEN = /\b(?:return|throw|yield|break|continue|async|get|set|static|accessor)\s*$/;
/** What has no part in a statement. */
const EMPTY = /^\s*(?:$|\/\/|\/\*|\*)/;

/** Whether a line that has lost its types may be one statement with another, where it was not before. */
function joinsWithoutTypes(source: string, stripped: string): boolean {
  const before = source.split('\n');
  const lines = stripped.split('\n');
  if (lines.length !== before.length) return true;
  let next = '';
  for (let at = lines.length - 1; at >= 0; at--) {
    const line = lines[at]!;
    if (line !== before[at]) {
      if (OPEN.test(line) || GOES_ON.test(next)) return true;
      if (GOES_ON.test(line) && !GOES_ON.test(before[at]!)) return true;
    }
    if (!EMPTY.test(line)) next = line;
  }
  return false;
}

/** An exported variable whose statement does not end behind it: there are others beside it. */
const UNENDED = /\bexports\.([\w$]+) = \1(?!(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*(?:;|[\w$'"@}]|$))/;

/** What Sucrase finds a module to export: what begins a line like an export may be part of a text. */
function exportedNames(source: string): string[] {
  const { code } = transform(source, ['typescript', 'imports']);
  if (UNENDED.test(code)) throw new Error('several variables in one statement');
  return [...new Set(Array.from(code.matchAll(/\bexports\. ?([\w$]+) = /g), ([, name]) => name!))].toSorted();
}

function transform(
  source: string,
  transforms: Sucrase.Options['transforms'],
  options: Partial<Sucrase.Options> = {},
): Sucrase.TransformResult {
  const sucrase = require(BUILT) as typeof Sucrase;
  return sucrase.transform(source, { transforms, disableESTransforms: true, keepUnusedImports: true, ...options });
}
