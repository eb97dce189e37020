/** A declaration of the public API, as data. */
import {
  isClassDeclaration,
  isConstructorDeclaration,
  isInterfaceDeclaration,
  isVariableDeclaration,
  type Node,
} from 'typescript/unstable/ast';
import { parseDocComment, type DocComment } from './doc-comment.ts';

/** A declaration, or a member of one. */
export interface ApiItem {
  readonly name: string;
  /** In TypeScript; of a class or an interface, what stands before its members. */
  readonly signature: string;
  readonly comment: DocComment | undefined;
  /** Of a class or an interface: what others may use. */
  readonly members: readonly ApiItem[];
}

/** Reads a declaration of a `.d.ts` file. */
export function readItem(declaration: Node): ApiItem {
  // The comment and the keyword of a constant belong to its whole statement.
  const node = isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const text = node.getText().replace(/^(export |default |declare )+/, '');
  const item = { name: nameOf(declaration), signature: text, comment: commentOf(node), members: [] };
  if (!isClassDeclaration(node) && !isInterfaceDeclaration(node)) return item;
  const head = text.slice(0, text.length - (node.end - node.members.pos)).replace(/\s*\{$/, '');
  return { ...item, signature: head, members: [...node.members].map(readItem).filter(isPublic) };
}

/** The doc comment right before a declaration. */
export function commentOf(node: Node): DocComment | undefined {
  const trivia = node.getFullText().slice(0, node.getLeadingTriviaWidth());
  const last = trivia.match(/\/\*\*.*?\*\//gs)?.at(-1);
  return last === undefined ? undefined : parseDocComment(last);
}

function nameOf(node: Node): string {
  if (isConstructorDeclaration(node)) return 'constructor';
  return (node as Node & { readonly name?: Node }).name?.getText() ?? '';
}

/** Whether its comment says `@internal`. */
export function isInternal({ comment }: ApiItem): boolean {
  return comment?.tags.some((tag) => tag.name === 'internal') === true;
}

function isPublic(item: ApiItem): boolean {
  return !/^(private|protected) /.test(item.signature) && !/^[#_]/.test(item.name) && !isInternal(item);
}
