import { isBuiltin } from 'node:module';
import type { StrippedSource } from './sucrase.ts';

/** An import that has lost its types: its default, all, names, and the module. */
const IMPORT =
  /import\s*(?:([\w$]+)\s*(?:,\s*|(?=\s+from\b)))?(?:\*\s*as\s+([\w$]+)|\{([^{}]*)\})?\s*(?:from\s*)?(['"])([^'"\\\n]+)\4[^\S\n]*(?:;|(?=\n|$))/y;
const BLANK = /(?:[\s;]|\/\/[^\n]*|\/\*[^]*?\*\/|(?:'use strict'|"use strict");?)*/y;
/** Packages that are imported as a whole, Babel takes as they are then, too; their names may change. */
const PACKAGE = /^(?:@[\w.-]+\/)?\w[\w.-]*(?:\/[\w./-]+)?$/;
const PART = /^([\w$]+)(?:\s+as\s+([\w$]+))?$/;

/** As Babel has them: what a module is by `default` and by `*` that is no ES module. */
const DEFAULT = '((e) => (e && e.__esModule ? e : { default: e }).default)';
const NAMESPACE =
  '((e) => { if (e && e.__esModule) return e; const f = { __proto__: null, default: e }; for (const t in e) if (t !== "default" && {}.hasOwnProperty.call(e, t)) Object.defineProperty(f, t, Object.getOwnPropertyDescriptor(e, t)); return f; })';

/**
 * Takes the imports from the top of the code: in their place are blanks, and the constants stand for them.
 *
 * @param load how a module is loaded
 * @throws where one imports more than constants
 */
export function takeImports(code: string, load: string): { constants: string; rest: string } {
  const constants: string[] = [];
  let rest = '';
  let at = 0;
  for (;;) {
    BLANK.lastIndex = at;
    const blank = BLANK.exec(code)![0];
    rest += blank;
    at += blank.length;
    IMPORT.lastIndex = at;
    const [statement, byDefault, all, named, , specifier = ''] = IMPORT.exec(code) ?? [];
    // One that comes later is none to the script that the code is tried as.
    if (statement === undefined) return { constants: constants.join(''), rest: rest + code.slice(at) };
    if (!isConstant(specifier) && (!PACKAGE.test(specifier) || all === undefined || byDefault !== undefined)) {
      throw new Error(`${specifier}: what is imported from it may change`);
    }
    const name = `_quick${constants.length}`;
    const parts = [`${name} = ${load}(${JSON.stringify(specifier)})`];
    if (byDefault !== undefined) parts.push(`${byDefault} = ${DEFAULT}(${name})`);
    if (all !== undefined) parts.push(`${all} = ${NAMESPACE}(${name})`);
    if (named !== undefined) parts.push(`${destructured(named)} = ${name}`);
    constants.push(`const ${parts.join(', ')};`);
    rest += statement.replaceAll(/[^\n]/g, ' ');
    at += statement.length;
  }
}

/** Whether nothing that a module exports ever changes. */
function isConstant(specifier: string): boolean {
  return isBuiltin(specifier) || /^chatosbot(?:\/\w+)?$/.test(specifier);
}

function destructured(named: string): string {
  const names = named.split(',').map((each) => each.trim());
  if (names.at(-1) === '') names.pop();
  const parts = names.map((each) => {
    const [, theirs, ours = theirs] = PART.exec(each) ?? [];
    if (theirs === undefined || theirs === 'default') throw new Error(`${each}: no name`);
    return `${theirs}: ${ours}`;
  });
  return `{ ${parts.join(', ')} }`;
}

/** As Babel calls what has no name. */
const DEFAULT_NAME = '_default';
/** The beginning of one: what is by default, what is declared, and the first word of its own. */
const EXPORT = /^export +(default +)?((?:async +)?function\b *\*?|class\b|const\b)? *([\w$]*)/gm;

/**
 * Takes the word `export` from the code: in its place are blanks, and what is exported is told by getters.
 *
 * @param exported what is exported, by its name: what it is called in the module
 * @throws where one is exported in other ways than these know
 */
export function takeExports(
  code: string,
  exported: ReadonlyMap<string, string | undefined>,
): { getters: string; body: string } {
  const locals = new Map<string, string>();
  const body = code.replaceAll(EXPORT, (text: string, isDefault?: string, kind?: string, name?: string) => {
    const isNamed = kind !== undefined && name !== '' && name !== 'extends';
    if (isDefault === undefined && !isNamed) throw new Error(`${text}: may change, or has no name`);
    locals.set(isDefault === undefined ? name! : 'default', isNamed ? name! : DEFAULT_NAME);
    if (isNamed) return text.replace(/^export +(?:default +)?/, ({ length }) => ' '.repeat(length));
    if (kind === undefined)
      return text.replace(/^export +default +/, ({ length }) => `const ${DEFAULT_NAME}=`.padStart(length));
    return text.replace(/^export +default .*(?:function *\*?|class)/, ({ length }) =>
      `${kind} ${DEFAULT_NAME}`.padStart(length),
    );
  });
  // What begins a line like an export may be part of a text, and what stands between its words hides what it is.
  for (const [name, local = DEFAULT_NAME] of exported) {
    if (locals.get(name) !== local) throw new Error(`${name}: not found`);
  }
  if (locals.size !== exported.size) throw new Error('an export that is none');
  const getters = Array.from(locals, ([name, local]) => {
    return `Object.defineProperty(exports, "${name}", { enumerable: true, get: () => ${local} });`;
  });
  return { getters: `Object.defineProperty(exports, "__esModule", { value: true });${getters.join('')}`, body };
}

/**
 * What a module exports, by its name: what it is called in the module, if it is.
 *
 * @throws where that may change
 */
export function exportsOf(source: StrippedSource): Map<string, string | undefined> {
  const { tokens, types } = source;
  const exported = new Map<string, string | undefined>();
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]!.isType || !source.isOf(at, types._export)) continue;
    const isDefault = source.isOf(at + 1, types._default);
    let word = isDefault ? at + 2 : at + 1;
    // What of a list of types is left is nothing.
    if (source.textOf(word) === 'type') continue;
    if (source.textOf(word) === 'async' && source.isOf(word + 1, types._function)) word++;
    if (source.isOf(word, types._abstract)) word++;
    if (source.isOf(word, types._const)) refuseSeveral(source, word);
    else if (!isDefault && !source.isOf(word, types._function, types._class)) throw new Error('it may change');
    const isDeclared = source.isOf(word, types._function, types._class, types._const);
    const name = source.isOf(word + 1, types.star) ? word + 2 : word + 1;
    const isNamed = isDeclared && source.isOf(name, types.name) && !tokens[name]!.isType;
    const local = isNamed ? source.textOf(name) : undefined;
    if (exported.has(isDefault ? 'default' : local!)) throw new Error('two exports of one name');
    exported.set(isDefault ? 'default' : local!, local);
  }
  return exported;
}

/** Throws where a statement declares several variables, or parts of a value. */
function refuseSeveral(source: StrippedSource, index: number): void {
  let equals = index + 2;
  while (source.tokens[equals]?.isType === true) equals++;
  const end = source.isOf(equals, source.types.eq) ? source.tokens[equals]!.rhsEndIndex : null;
  if (end === null || source.isOf(end, source.types.comma)) throw new Error('not one variable');
}
