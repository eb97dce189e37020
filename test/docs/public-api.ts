/** The public API, read by the compiler from the declarations that it makes of `src`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {
  isExportDeclaration,
  isNamedExports,
  isVariableStatement,
  type Node,
  type SourceFile,
} from 'typescript/unstable/ast';
import { API, SymbolFlags, type Project, type Symbol } from 'typescript/unstable/sync';
import { commentOf, readItem, type ApiItem } from './api-item.ts';
import type { DocComment } from './doc-comment.ts';

export interface ApiSymbol {
  readonly name: string;
  /** Several for the overloads of a function, and for a type with the name of a value. */
  readonly declarations: readonly ApiItem[];
}

/** What can be imported by one of the package's names. */
export interface EntryPoint {
  /** Such as `chatosbot/client`. */
  readonly name: string;
  readonly comment: DocComment | undefined;
  /** What it exports, in the order of its exports; each symbol belongs to the first entry point that names it. */
  readonly symbols: readonly ApiSymbol[];
  /** What it names that belongs to an entry point before it. */
  readonly shared: readonly ApiSymbol[];
  /** The entry points of which it exports everything. */
  readonly includes: readonly string[];
}

export interface PublicApi {
  /** Those that package.json names, in its order. */
  readonly entries: readonly EntryPoint[];
  /** The names of declarations that other files of `src` may import, and users of the package may not. */
  readonly unexported: ReadonlySet<string>;
}

/** Reads what the package exports. */
export function readPublicApi(): PublicApi {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, string> };
  // The folder for such things may be a link, which the compiler follows.
  const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'chatosbot-api-')));
  const api = new API({ cwd: directory });
  try {
    const compiler = path.resolve('node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [
      compiler,
      '-p',
      'src',
      '--emitDeclarationOnly',
      '--noCheck',
      '--outDir',
      directory,
    ]);
    const names = new Map(
      Object.entries(exports)
        .filter(([, file]) => file.startsWith('./dist/'))
        .map(([key, file]) => [
          path.join(directory, file.replace('./dist/', '').replace(/\.js$/, '.d.ts')),
          path.posix.join('chatosbot', key),
        ]),
    );
    const config = path.join(directory, 'tsconfig.json');
    const compilerOptions = { module: 'nodenext', allowImportingTsExtensions: true, noEmit: true, types: [] };
    writeFileSync(config, JSON.stringify({ compilerOptions, files: [...names.keys()] }));
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)!;
    // What is imported for its effect only has nothing to show.
    const entries = readEntries(project, names).filter(({ symbols, shared, includes }) => {
      return symbols.length + shared.length + includes.length > 0;
    });
    const exported = new Set(entries.flatMap(({ symbols }) => symbols.map(({ name }) => name)));
    const files = project.program.getSourceFileNames().filter((file) => file.startsWith(directory));
    const declared = files.flatMap((file) => [...project.program.getSourceFile(file)!.statements].flatMap(namesIn));
    return { entries, unexported: new Set(declared.filter((name) => !exported.has(name))) };
  } finally {
    api.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Reads the entry points of a project, whose names are given by their files. */
function readEntries(project: Project, names: ReadonlyMap<string, string>): EntryPoint[] {
  const known = new Map<Symbol, ApiSymbol>();
  return [...names].map(([file, name]) => {
    const source = project.program.getSourceFile(file)!;
    const entry = { symbols: [] as ApiSymbol[], shared: [] as ApiSymbol[], includes: [] as string[] };
    for (const exported of exportsOf(source, project, names)) {
      if (typeof exported === 'string') {
        entry.includes.push(exported);
        continue;
      }
      const before = known.get(exported);
      if (before) entry.shared.push(before);
      else {
        const declarations = exported.declarations.map((each) => readItem(each.resolve(project)!));
        const symbol = { name: exported.name, declarations };
        known.set(exported, symbol);
        entry.symbols.push(symbol);
      }
    }
    return { name, comment: commentOf(source.statements[0]!), ...entry };
  });
}

/** The names that a statement declares, exported or not. */
function namesIn(statement: Node): string[] {
  const { name } = statement as Node & { readonly name?: Node };
  const declarations = isVariableStatement(statement) ? [...statement.declarationList.declarations] : [];
  return [name, ...declarations.map((each) => each.name)].flatMap((each) => each?.getText() ?? []);
}

/** What a module exports, in the order of its text; an entry point of which it exports everything is given by its name. */
function* exportsOf(
  source: SourceFile,
  project: Project,
  names: ReadonlyMap<string, string>,
): Generator<Symbol | string> {
  const { checker } = project;
  const exported = new Map(
    checker.getExportsOfModule(checker.getSymbolAtLocation(source)!).map((each) => [each.name, each]),
  );
  for (const statement of source.statements) {
    if (isExportDeclaration(statement) && !statement.exportClause) {
      const module = checker.getSymbolAtLocation(statement.moduleSpecifier!)!.valueDeclaration!.resolve(project);
      const { fileName } = module as SourceFile;
      const entry = names.get(fileName);
      if (entry === undefined) yield* exportsOf(module as SourceFile, project, names);
      else yield entry;
    } else if (isExportDeclaration(statement) && isNamedExports(statement.exportClause!)) {
      for (const { name } of statement.exportClause.elements) {
        const symbol = exported.get(name.text)!;
        yield symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      }
    } else {
      for (const name of namesIn(statement)) {
        const symbol = exported.get(name);
        if (symbol) yield symbol;
        // Overloads have several statements.
        exported.delete(name);
      }
    }
  }
}
