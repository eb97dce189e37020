import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { messageOf } from '../../errors.ts';
import { withSourcePositions } from './source-positions.ts';

/** Why a plugin did not load. */
export interface LoadFailure {
  /** The absolute path of the file that failed, where it is known: the plugin, or a file that it imports. */
  readonly file?: string | undefined;
  /** Line and column as `:3:14`; empty where they are not known. */
  readonly place: string;
  /** One line. */
  readonly message: string;
}

/** A compile error as jiti words it: the position comes last, and columns begin at 0. */
const COMPILE_ERROR = /^\w+: (.*?)\s*\n\s*([^\n]+):(\d+):(\d+)$/s;
const JSON_ERROR = /^(.+\.json): (.*)$/s;
const JSON_POSITION = / in JSON at position (\d+)(?: \(line \d+ column \d+\))?$/;
const MISSING_MODULE = /^Cannot find (?:module|package) '([^']+)'/;
const FRAME = /^\s+at (?:async )?(?:[^/\\]*? \()?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)\)?$/;
/** This program's own files are skipped: the error is in the plugin. */
const OWN_FILES = fileURLToPath(new URL('../../', import.meta.url));

/** Reads the file, position and message from what was thrown while a plugin was loaded. */
export function readLoadFailure(error: unknown): LoadFailure {
  const text = error instanceof Error ? messageOf(error) || error.name : thrownText(error);
  const [, found, broken, line, column] = COMPILE_ERROR.exec(text) ?? [];
  if (found !== undefined) return { file: broken, place: `:${line}:${Number(column) + 1}`, message: oneLine(found) };
  const message = oneLine(text);
  if (!(error instanceof Error)) return { place: '', message };
  if (error instanceof SyntaxError) {
    const [, file, problem] = JSON_ERROR.exec(text) ?? [];
    if (file !== undefined) return jsonFailure(file, oneLine(problem!));
  }
  const frame = ownFrame(error);
  const [, specifier] = MISSING_MODULE.exec(message) ?? [];
  if (specifier !== undefined) {
    const importer = (error as { requireStack?: string[] }).requireStack?.[0] ?? frame?.file;
    return { file: importer, place: importer === undefined ? '' : placeOfImport(importer, specifier), message };
  }
  return { ...frame, place: frame?.place ?? '', message };
}

/** Whether two paths lead to the same file. */
export function isSameFile(one: string, other: string): boolean {
  return one === other || realPath(one) === realPath(other);
}

/** The innermost frame that is not in this program, Node.js or a package. */
function ownFrame(error: Error): { file: string; place: string } | undefined {
  for (const text of withSourcePositions(error.stack ?? '').split('\n')) {
    const [, at, line, column] = FRAME.exec(text) ?? [];
    if (at === undefined) continue;
    const file = at.startsWith('file://') ? fileURLToPath(at) : at;
    if (/[\\/]node_modules[\\/]/.test(file) || file.startsWith(OWN_FILES)) continue;
    return { file, place: `:${line}:${column}` };
  }
  return undefined;
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
