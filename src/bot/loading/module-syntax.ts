import { namespaceParts } from './namespace-parts.ts';

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
const REFUSED_PATTERN =
  'a namespace cannot export constants by destructuring here: export each with a value of its own';
const REFUSED_ALIAS = 'export import is not supported in a namespace: export a constant';
const REFUSED_USING =
  'using at the top of a file ends its resource before the bot starts: use const, and end it in onStop';

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
  /** Of variables: `const`, `let`, `var`, `using` or `await using`. */
  readonly kind?: string;
  /** Of variables. */
  readonly declarations?: readonly { readonly id: SyntaxNode }[];
  /** Of `import x = y.z`. */
  readonly isExport?: boolean;
  /** Of a program. */
  body?: SyntaxNode[];
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
    pre({ path }: { path: { readonly node: SyntaxNode; traverse(visitor: object): void } }): void {
      // Babel warns of enums and namespaces that are exported above their declaration.
      const isList = ({ type, source, declaration }: SyntaxNode): boolean =>
        type === 'ExportNamedDeclaration' && !source && !declaration;
      const { body = [] } = path.node;
      path.node.body = [...body.filter((each) => !isList(each)), ...body.filter(isList)];
      const refuse = (
        { node: { type, loc } }: { node: Pick<SyntaxNode, 'type' | 'loc'> },
        why = REFUSED[type],
      ): never => {
        throw Object.assign(new Error(why), { loc: loc?.start });
      };
      const refused = Object.keys(REFUSED).map((type) => [type, (found: NodePath) => refuse(found)] as const);
      path.traverse({
        ...Object.fromEntries(refused),
        ...namespaceParts(refuse),
        ExportNamedDeclaration(found: NodePath): void {
          const { type, kind, declare, declarations = [] } = found.node.declaration ?? {};
          if (found.parent.type !== 'TSModuleBlock' || type !== 'VariableDeclaration' || declare) return;
          if (found.findParent(({ node }) => node.declare === true)) return;
          if (kind !== 'const') refuse(found, REFUSED_NAMESPACE);
          // Babel leaves out what follows them.
          if (declarations.some(({ id }) => id.type !== 'Identifier')) refuse(found, REFUSED_PATTERN);
        },
        TSImportEqualsDeclaration(found: NodePath): void {
          if (!found.node.isExport || found.parent.type !== 'TSModuleBlock') return;
          if (!found.findParent(({ node }) => node.declare === true)) refuse(found, REFUSED_ALIAS);
        },
        VariableDeclaration(found: NodePath): void {
          // Babel puts the whole file into a block, which exports nothing.
          if (found.parent.type === 'Program' && found.node.kind!.endsWith('using')) refuse(found, REFUSED_USING);
        },
        MetaProperty(found: NodePath): void {
          // Before jiti makes texts of it, which have no query.
          if (found.node.meta!.name === 'import') found.replaceWith({ type: 'Identifier', name: IMPORT_META });
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
    },
  };
}
