import { isBuiltin } from 'node:module';

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
 * @param exported the names of what is exported, in their order
 * @throws where one is exported in other ways than these know
 */
export function takeExports(code: string, exported: readonly string[]): { getters: string; body: string } {
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
  if (String([...locals.keys()].toSorted()) !== String(exported)) throw new Error('an export that is none');
  const getters = Array.from(locals, ([name, local]) => {
    return `Object.defineProperty(exports, "${name}", { enumerable: true, get: () => ${local} });`;
  });
  return { getters: `Object.defineProperty(exports, "__esModule", { value: true });${getters.join('')}`, body };
}
