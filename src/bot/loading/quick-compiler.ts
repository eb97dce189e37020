import { createRequire, type SourceMapPayload } from 'node:module';
import vm from 'node:vm';
import type * as Sucrase from 'sucrase';

const require = createRequire(import.meta.url);

/** Of these, at least one: what Sucrase gets wrong or leaves as it is, and what could not be told from its own text. */
const BEYOND = [
  // In what jiti evaluates, these are parameters of the function around it: the source may mean others.
  /\b(?:exports|module|require|__filename|__dirname|jitiImport|jitiESMResolve)\b/,
  /^#!|\bimport\s*\(|\bimport\.meta\b|\bnamespace\b|\.call\(void 0, /,
  // What may be assigned to later or is not yet declared, and what a name of the module's own takes precedence over.
  /\bexport\b(?!\s+(?:default|const\s+[\w$]+|(?:async\s+)?function|(?:abstract\s+)?class|enum|interface|type|declare)\b|\s*\{[^{}]*\}\s*from\b)/,
  // Without the types or the keywords that end it, a statement would go on in the next line.
  /[\w$)\]}'"`>!?][^\S\n]*(?:\/\/[^\n]*|\/\*[^\n]*\*\/[^\S\n]*)?\n\s*[([`]/,
];
/** An exported variable whose statement does not end behind it: it has others beside it, or the next line goes on. */
const UNENDED = /\bexports\.([\w$]+) = \1(?! = \{\})(?!(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*(?:;|[\w$'"@}]|$))/;
/** The first line that is neither an import nor part of one. */
const FIRST_OTHER = /^(?!import\b|[\s}/*'"]|$)/m;

/** What Sucrase makes of imports, and what jiti wants in its place where they are awaited. */
const REQUIRE = 'require(';
const AWAIT = 'await jitiImport(';
/** What it makes of calls of imported functions. */
const CALL = /([\w$]+\.[\w$]+)\.call\(void 0, /g;
const EXPORTED_FUNCTION = /^export\s+(default\s+)?(?:async\s+)?function\s*\*?\s*([\w$]+)/gm;
/** One file, made by the build; from src/ and from dist/ it is the same. */
const BUILT = '../../../dist/vendor/sucrase.cjs';
const STRICT = '"use strict";';

/**
 * Compiles most TypeScript to what jiti evaluates, in a third of the time that it takes to load Babel alone. Lines stay
 * where they are.
 *
 * @param isAsync whether imports are awaited, so that modules may wait at their top
 * @returns `undefined` where it takes Babel to compile the source, or to say what is wrong with it
 */
export function compileQuickly(source: string, isAsync: boolean): string | undefined {
  if (BEYOND.some((beyond) => beyond.test(source))) return undefined;
  // Imports come before all else, wherever they stand.
  if (source.lastIndexOf('\nimport') > source.search(FIRST_OTHER)) return undefined;
  try {
    const { code } = transform(source);
    if (UNENDED.test(code)) return undefined;
    // Sucrase looks for few mistakes. This finds the others, and what waits at the top of its file.
    new vm.Script(code);
    // The source has no such texts: those in the code are all of Sucrase's making. Where an import is undefined, the
    // error is to name it, not `call`; columns stay the same.
    const called = code.replaceAll(CALL, '(0, $1)(         ');
    return exportFunctions(isAsync ? called.replaceAll(REQUIRE, AWAIT) : called, source);
  } catch {
    return undefined;
  }
}

/** Functions are there before imports are: a module that imports this one in a circle may call them already. */
function exportFunctions(code: string, source: string): string {
  const exported = Array.from(source.matchAll(EXPORTED_FUNCTION), ([, isDefault, name]) => {
    return `exports.${isDefault === undefined ? name : 'default'} = ${name};`;
  });
  const hoisted = new Set(exported.filter((statement) => code.includes(statement)));
  return `${STRICT}${[...hoisted].join('')}${code.slice(STRICT.length)}`;
}

/** The map of what {@link compileQuickly} made of a source, but for {@link quickShift}. */
export function quickSourceMap(source: string): SourceMapPayload {
  const options = { filePath: 'source', sourceMapOptions: { compiledFilename: 'compiled' } };
  return transform(source, options).sourceMap as unknown as SourceMapPayload;
}

/** By how much the place behind this text of a compiled line is further right than the map has it. */
export function quickShift(before: string): number {
  const [, hoisted = ''] = /^"use strict";((?:exports\.[\w$]+ = [\w$]+;)*)Object\./.exec(before) ?? [];
  return hoisted.length + (before.split(AWAIT).length - 1) * (AWAIT.length - REQUIRE.length);
}

function transform(source: string, options: Partial<Sucrase.Options> = {}): Sucrase.TransformResult {
  const sucrase = require(BUILT) as typeof Sucrase;
  return sucrase.transform(source, { transforms: ['typescript', 'imports'], disableESTransforms: true, ...options });
}
