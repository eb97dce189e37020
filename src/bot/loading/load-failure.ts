import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { isError, messageOf } from '../../errors.ts';
import { ownFile } from '../../own-files.ts';
import { CompileError } from './compiler.ts';
import { MissingExport } from './module-namespace.ts';
import { compileFailurePlace, withSourcePositions } from './source-positions.ts';

/** Why a plugin did not load. */
export interface LoadFailure {
  /** The absolute path of the file that failed, where it is known: the plugin, or a file that it imports. */
  readonly file?: string | undefined;
  /** Line and column as `:3:14`; empty where they are not known. */
  readonly place: string;
  /** Further lines, if there are any, begin with spaces. */
  readonly message: string;
}

const ALIAS_HINT =
  "; paths of tsconfig.json are for type checks only: use imports of package.json, such as '#lib/*': './lib/*'";
/** Node.js has other words for a package.json. */
const JSON_ERROR = /^(?:Error parsing )?(.+\.json): (.*)$/s;
const JSON_POSITION = / in JSON at position (\d+)(?: \(line \d+ column \d+\))?$/;
const MISSING_MODULE = /^Cannot find (?:module|package) '([^']+)'/;
const FRAME = /^\s+at (?:async )?(?:[^/\\]*? \()?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)\)?$/;
/** This program's own files are skipped: the error is in the plugin. */
const OWN_FILES = fileURLToPath(ownFile(''));

const failedImports = new WeakMap<object, { readonly importer: string; readonly specifier: string }>();

/** Notes which import an error comes from, where its trace does not show that. */
export function noteImport(error: unknown, importer: string, specifier: string): void {
  if (isError(error) && !failedImports.has(error)) failedImports.set(error, { importer, specifier });
}

/** Reads the file, position and message from what was thrown while a plugin was loaded. */
export function readLoadFailure(error: unknown): LoadFailure {
  try {
    return readFailure(error);
  } catch {
    // A proxy, or getters that throw.
    return { place: '', message: `throws ${messageOf(error)}` };
  }
}

function readFailure(error: unknown): LoadFailure {
  const text = error instanceof Error ? messageOf(error) || error.name : thrownText(error);
  const message = oneLine(text);
  if (error instanceof CompileError) return { file: error.file, place: `:${error.line}:${error.column}`, message };
  if (!(error instanceof Error)) return { place: '', message };
  if (error instanceof SyntaxError) {
    const [, file, problem] = JSON_ERROR.exec(text) ?? [];
    if (file !== undefined) return jsonFailure(file, oneLine(problem!));
  }
  const failed = failedImports.get(error);
  if (failed) {
    const { importer, specifier } = failed;
    const place = placeOfImport(importer, specifier);
    if (MISSING_MODULE.test(message) || error instanceof MissingExport || specifier.startsWith('node:')) {
      const hint = isPathAlias(specifier, importer) ? ALIAS_HINT : '';
      return { file: importer, place, message: `${message}${hint}` };
    }
    return { file: importer, place, message: `'${specifier}' fails${placeInPackage(error)}: ${message}` };
  }
  const compiled = error instanceof SyntaxError ? compileFailurePlace(error) : undefined;
  if (compiled) return { ...compiled, message };
  const frame = ownFrame(error);
  const [, specifier] = MISSING_MODULE.exec(message) ?? [];
  if (specifier !== undefined) {
    const importer = (error as { requireStack?: string[] }).requireStack?.[0] ?? frame?.file;
    if (importer === undefined) return { place: '', message };
    const hint = isPathAlias(specifier, importer) ? ALIAS_HINT : '';
    return { file: importer, place: placeOfImport(importer, specifier), message: `${message}${hint}` };
  }
  const hint = NO_COMMON_JS.test(message) ? commonJsHint(frame?.file) : '';
  return { ...frame, place: frame?.place ?? '', message: `${wholeMessage(text)}${hint}${causesOf(error)}` };
}

/** What CommonJS has and ES modules have not. */
const NO_COMMON_JS = /^(?:module|require|__filename|__dirname) is not defined$/;

function commonJsHint(file = ''): string {
  const [extension = '', prefix = ''] = /\.([cm]?)[jt]s$/.exec(file) ?? [];
  const why = prefix === 'm' ? 'its name ends so' : 'package.json has "type": "module"';
  const other = extension.replace(/m?([jt]s)$/, 'c$1');
  return `: the file is an ES module, as ${why}; use import and export, or rename it to ${other}`;
}

/** The most lines of a message, and of causes, that are shown. */
const MAX_LINES = 20;

/** All lines of a message, those behind the first one indented. */
function wholeMessage(text: string): string {
  const [first, ...more] = text.trim().split('\n').slice(0, MAX_LINES);
  return [oneLine(first!), ...more.map((line) => `  ${line.trimEnd()}`)].join('\n');
}

function causesOf(error: Error): string {
  const causes: string[] = [];
  let { cause } = error;
  for (; cause !== undefined && causes.length < MAX_LINES; cause = cause instanceof Error ? cause.cause : undefined) {
    causes.push(`\n  caused by: ${wholeMessage(messageOf(cause)).replaceAll('\n', '\n  ')}`);
  }
  return causes.join('');
}

/** Whether two paths lead to the same file. */
export function isSameFile(one: string, other: string): boolean {
  return one === other || realPath(one) === realPath(other);
}

/** Where in a package an error was thrown, as ` in node_modules/a/index.js:1:7`; empty where that is not known. */
function placeInPackage(error: Error): string {
  for (const [, at = '', line, column] of framesOf(error)) {
    const [, file] = /[\\/](node_modules[\\/].*)$/.exec(at) ?? [];
    if (file !== undefined) return ` in ${file}:${line}:${column}`;
  }
  return '';
}

/** The innermost frame that is not in this program, Node.js or a package. */
function ownFrame(error: Error): { file: string; place: string } | undefined {
  for (const [, at = '', line, column] of framesOf(error)) {
    const file = at.startsWith('file://') ? fileURLToPath(at) : at;
    if (/[\\/]node_modules[\\/]/.test(file) || file.startsWith(OWN_FILES)) continue;
    return { file, place: `:${line}:${column}` };
  }
  return undefined;
}

function framesOf(error: Error): RegExpExecArray[] {
  const lines = withSourcePositions(error.stack ?? '').split('\n');
  return lines.map((line) => FRAME.exec(line)).filter((frame) => frame !== null);
}

/** Whether the `paths` of the nearest tsconfig.json have a specifier. */
function isPathAlias(specifier: string, importer: string): boolean {
  for (let folder = path.dirname(importer); ; folder = path.dirname(folder)) {
    // With comments, it is not JSON.
    const [, paths = ''] = /"paths"\s*:\s*\{([^}]*)\}/.exec(textOf(path.join(folder, 'tsconfig.json'))) ?? [];
    const aliases = [...paths.matchAll(/"([^"]+)"\s*:/g)].map(([, alias]) => alias!.split('*'));
    const isOne = ([start = '', end]: string[]): boolean =>
      end === undefined ? specifier === start : specifier.startsWith(start) && specifier.endsWith(end);
    if (aliases.some(isOne)) return true;
    if (folder === path.dirname(folder)) return false;
  }
}

function jsonFailure(file: string, problem: string): LoadFailure {
  const message = problem.replace(JSON_POSITION, '');
  const [, position] = JSON_POSITION.exec(problem) ?? [];
  return { file, place: position === undefined ? '' : placeAt(textOf(file), Number(position)), message };
}

function placeOfImport(importer: string, specifier: string): string {
  const source = textOf(importer);
  const offsets = [`'${specifier}'`, `"${specifier}"`].map((quoted) => source.indexOf(quoted)).filter((at) => at >= 0);
  return offsets.length === 0 ? '' : placeAt(source, Math.min(...offsets));
}

function placeAt(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n');
  return `:${lines.length}:${lines.at(-1)!.length + 1}`;
}

function oneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  // The compiler writes an imported name as (0, _module.name).
  return (lines.find((line) => line !== '') ?? '').replaceAll(/\(0 ?, _\w+\.([\w$]+)\)/g, '$1');
}

function thrownText(value: unknown): string {
  return typeof value === 'string' ? value : `throws ${inspect(value, { depth: 1, breakLength: Infinity })}`;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
