import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';
import { traceOf } from '../../errors.ts';

const INLINE_MAP = /^\/\/# sourceMappingURL=data:application\/json[^,]*,(\S+)/m;
/** A line of a trace with an absolute path, as V8 writes it. */
const FRAME = /^(\s+at (?:async )?(?:[^/\\\n]*? \()?)((?:\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)(?=\)?$)/gm;

interface CompiledFile {
  readonly encodedMap: string;
  map?: SourceMap;
}

/** What was evaluated last of each file, by path. */
const compiledFiles = new Map<string, CompiledFile>();

/** Remembers what a file was compiled to, for the traces of errors. */
export function rememberCompiled(file: string, code: string): void {
  const [, encodedMap] = INLINE_MAP.exec(code) ?? [];
  if (encodedMap === undefined) return;
  compiledFiles.set(file, { encodedMap });
}

/** The trace of anything that was thrown and of its causes, with lines and columns of the sources. */
export function sourceTraceOf(error: unknown): string | undefined {
  const trace = traceOf(error);
  return trace === undefined ? undefined : withSourcePositions(trace);
}

/** A trace with lines and columns of the sources. Files that Node loads natively are not compiled, and keep theirs. */
export function withSourcePositions(trace: string): string {
  return trace.replaceAll(FRAME, (frame, before: string, file: string, line: string, column: string) => {
    const compiled = compiledFiles.get(file);
    return compiled ? `${before}${file}:${sourcePosition(compiled, Number(line), Number(column))}` : frame;
  });
}

/** V8 shows the line that it could not compile above the trace, with a mark below. */
const UNCOMPILED = /^(.+):(\d+)\n(.*)\n( *)\^/;
/** What stands before a module's own code on its first line. */
const HEAD = /^\((?:async )?function \([^)]*\) \{ /;

/** Where V8 could not compile a file, in its source; `undefined` where the error does not say. */
export function compileFailurePlace({ stack = '' }: SyntaxError): { file: string; place: string } | undefined {
  const [, file, line, text = '', before = ''] = UNCOMPILED.exec(stack) ?? [];
  const compiled = file === undefined ? undefined : compiledFiles.get(file);
  if (file === undefined || !compiled) return undefined;
  const [head = ''] = line === '1' ? (HEAD.exec(text) ?? []) : [];
  return { file, place: `:${sourcePosition(compiled, Number(line), before.length - head.length + 1)}` };
}

/** Lines and columns begin at 1 in traces, and at 0 in source maps. */
function sourcePosition(compiled: CompiledFile, line: number, column: number): string {
  compiled.map ??= readMap(compiled.encodedMap);
  const { originalLine, originalColumn } = compiled.map.findEntry(line - 1, column - 1) as Partial<SourceMapping>;
  if (originalLine === undefined || originalColumn === undefined) return `${line}:${column}`;
  return `${originalLine + 1}:${originalColumn + 1}`;
}

function readMap(encoded: string): SourceMap {
  return new SourceMap(JSON.parse(Buffer.from(encoded, 'base64').toString()) as SourceMapPayload);
}
