/** What is behind the specifier of a static import in compiled code: the names that it needs. */
export const NAMES_SEPARATOR = '\n';
/** Stands there instead of a name for `export *`. */
export const ALL_NAMES = '*';
/** The name of `import.meta` in compiled code. */
export const IMPORT_META = '__chatosbotImportMeta';

const COMPILE_FIRST = 'compile the file with tsc, and use the JavaScript that this makes';

/** What plugins cannot contain, by the type of the syntax node, and what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  Decorator: `decorators are not supported: ${COMPILE_FIRST}`,
  ClassAccessorProperty: `the keyword accessor is not supported: ${COMPILE_FIRST}`,
  JSXElement: `JSX is not supported: ${COMPILE_FIRST}`,
  JSXFragment: `JSX is not supported: ${COMPILE_FIRST}`,
};
const REFUSED_NAMESPACE = `variables that a namespace exports are not supported, only constants: ${COMPILE_FIRST}`;

/** What a problem that Babel's parser finds is called here. */
export function parserMessage(message: string): string {
  if (message.startsWith('Decorators cannot be used to decorate parameters')) return REFUSED['Decorator']!;
  // `</` of JSX, in a file that can have none by its name.
  return message.startsWith('Unterminated regular expression') ? `${message} ${REFUSED['JSXElement']}` : message;
}

/** As far as it is used of a syntax node of Babel's: https://babeljs.io/docs/babel-parser#output */
interface SyntaxNode {
  readonly type: string;
  readonly loc?: { readonly start: { readonly line: number; readonly column: number } };
  readonly source?: { value: string } | null;
  readonly specifiers?: readonly {
    readonly type: string;
    readonly importKind?: string;
    readonly local: { readonly name?: string; readonly value?: string };
    readonly imported?: { readonly name?: string; readonly value?: string };
  }[];
  readonly meta?: { readonly name: string };
  readonly exportKind?: string;
  /** Whether it only declares a type. */
  readonly declare?: boolean;
  /** Of an export. */
  readonly declaration?: SyntaxNode | null;
  /** Of variables: `const`, `let` or `var`. */
  readonly kind?: string;
}

interface NodePath {
  readonly node: SyntaxNode;
  readonly parent: SyntaxNode;
  findParent(matches: (path: NodePath) => boolean): NodePath | null;
  readonly scope: { getBinding(name: string): { readonly referencePaths: readonly NodePath[] } | undefined };
  replaceWith(node: object): void;
}

/**
 * A plugin of Babel that refuses syntax which it would compile otherwise than TypeScript does, notes the names that each
 * static import needs, so that a missing one is an error as in Node.js, leaves `export *` to the loader, and has
 * `import.meta` as an object.
 */
export function syntaxPlugin(_babel: unknown, { jsx, ts }: { readonly jsx: boolean; readonly ts: boolean }): object {
  return {
    name: 'chatosbot-module-syntax',
    // Parsed, so that they can be refused in words.
    manipulateOptions(_options: unknown, parser: { plugins: (string | readonly unknown[])[] }): void {
      const others = parser.plugins.filter((each) => each !== 'decorators-legacy' && each[0] !== 'decorators-legacy');
      parser.plugins = [...others, ['decorators', {}], 'decoratorAutoAccessors', ...(jsx ? ['jsx'] : [])];
    },
    pre({ path }: { path: { traverse(visitor: object): void } }): void {
      const refuse = ({ node: { type, loc } }: NodePath, why = REFUSED[type]): never => {
        throw Object.assign(new Error(why), { loc: loc?.start });
      };
      const refused = Object.keys(REFUSED).map((type) => [type, (found: NodePath) => refuse(found)] as const);
      path.traverse({
        ...Object.fromEntries(refused),
        ExportNamedDeclaration(found: NodePath): void {
          const { kind = 'const', declare } = found.node.declaration ?? {};
          if (found.parent.type !== 'TSModuleBlock' || kind === 'const' || declare) return;
          if (found.node.declaration!.type !== 'VariableDeclaration') return;
          if (!found.findParent(({ node }) => node.declare === true)) refuse(found, REFUSED_NAMESPACE);
        },
      });
    },
    visitor: {
      // Imports that are used as types only are gone by now.
      ImportDeclaration({ node: { source, specifiers = [] }, scope }: NodePath): void {
        if (source!.value.includes(NAMES_SEPARATOR)) return;
        const names = specifiers.flatMap(({ type, importKind, imported, local }) => {
          if (type === 'ImportDefaultSpecifier') return ['default'];
          if (type === 'ImportNamespaceSpecifier' || importKind === 'type') return [];
          // TypeScript lets a type be passed on without saying that it is one.
          const { referencePaths } = scope.getBinding(local.name!)!;
          const isPassedOn = ts && referencePaths.every(({ parent }) => parent.type === 'ExportSpecifier');
          return isPassedOn ? [] : [imported!.name ?? imported!.value!];
        });
        if (names.length > 0) source!.value += NAMES_SEPARATOR + names.join(NAMES_SEPARATOR);
      },
      ExportNamedDeclaration({ node: { source, specifiers = [] } }: NodePath): void {
        // TypeScript may pass types on.
        if (!source || ts || source.value.includes(NAMES_SEPARATOR)) return;
        const passedOn = specifiers.filter(({ type }) => type === 'ExportSpecifier');
        const names = passedOn.map(({ local }) => local.name ?? local.value);
        if (names.length > 0) source.value += NAMES_SEPARATOR + names.join(NAMES_SEPARATOR);
      },
      ExportAllDeclaration(path: NodePath): void {
        const { source, exportKind, ...rest } = path.node;
        if (exportKind === 'type') return;
        source!.value += NAMES_SEPARATOR + ALL_NAMES;
        path.replaceWith({ ...rest, type: 'ImportDeclaration', source, specifiers: [] });
      },
      MetaProperty(path: NodePath): void {
        if (path.node.meta!.name === 'import') path.replaceWith({ type: 'Identifier', name: IMPORT_META });
      },
    },
  };
}
