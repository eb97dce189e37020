/** As far as it is used of a syntax node of Babel's: https://babeljs.io/docs/babel-parser#output */
interface PartNode {
  readonly type: string;
  readonly loc?: { readonly start: { readonly line: number; readonly column: number } };
  readonly name?: string;
  readonly id?: PartNode;
  readonly body?: PartNode | readonly PartNode[];
  readonly declare?: boolean;
  readonly declaration?: PartNode | null;
  readonly declarations?: readonly PartNode[];
}

interface PartPath {
  readonly node: PartNode;
  readonly parent: PartNode;
  findParent(matches: (path: PartPath) => boolean): PartPath | null;
  traverse(visitor: object): void;
  readonly scope: { getBinding(name: string): { readonly path: PartPath } | undefined };
}

/** Where a name stands that is no value. */
const TYPES = /^TS(?:TypeReference|QualifiedName|TypeQuery|ExpressionWithTypeArguments|\w*Heritage|\w*Implements)$/;

/**
 * Finds names that one part of a namespace uses and another part exports: TypeScript reads them from the namespace, Babel
 * does not.
 *
 * @param refuse is called with each such name, and what to write instead
 */
export function namespaceParts(refuse: (name: PartPath, why: string) => void): object {
  /** What the parts so far export, by the block that they are in, and by name. */
  const exportedIn = new Map<PartNode | undefined, Map<string, Set<string>>>();
  return {
    TSModuleDeclaration(part: PartPath): void {
      const { id, body, declare } = part.node;
      if (id?.name === undefined || declare || Array.isArray(body)) return;
      if (part.findParent(({ node }) => node.declare === true)) return;
      const statements = (body as PartNode | undefined)?.body;
      if (!Array.isArray(statements)) return;
      // `namespace A.B` is B in A, without a block between them.
      let namespace = id.name;
      const block = part.findParent(({ node }) => {
        if (node.type === 'TSModuleDeclaration') namespace = `${node.id?.name}.${namespace}`;
        return /^(?:Program|TSModuleBlock)$/.test(node.type);
      })?.node;
      const all = exportedIn.get(block) ?? new Map<string, Set<string>>();
      exportedIn.set(block, all);
      const exported = all.get(namespace) ?? new Set();
      const isOwn = (name: PartPath): boolean =>
        Boolean(name.scope.getBinding(name.node.name!)?.path.findParent(({ node }) => node === part.node));
      part.traverse({
        ReferencedIdentifier(name: PartPath): void {
          if (!exported.has(name.node.name!) || TYPES.test(name.parent.type) || isOwn(name)) return;
          refuse(name, `${name.node.name} is in another part of the namespace: write ${namespace}.${name.node.name}`);
        },
      });
      all.set(namespace, new Set([...exported, ...statements.flatMap(exportedValues)]));
    },
  };
}

/** The names of the values that a statement in a namespace exports. */
function exportedValues({ type, declaration }: PartNode): string[] {
  if (type !== 'ExportNamedDeclaration' || !declaration || declaration.declare) return [];
  if (/^TS(?:Interface|TypeAlias)/.test(declaration.type)) return [];
  const declared = declaration.declarations ?? [declaration];
  return declared.flatMap(({ id }) => (id?.name === undefined ? [] : [id.name]));
}
