import { refuse, type StrippedSource } from './sucrase.ts';

/** What may stand beside a type with nothing between them. */
const WORDS = new Set(
  'abstract as asserts async class const declare enum export extends function get global implements import in infer interface is keyof let module namespace new out override private protected public readonly satisfies set static type typeof unique var'.split(
    ' ',
  ),
);

/**
 * Refuses what Sucrase takes for a type, or for the import of one, and Babel does not: nothing would be left of it, as
 * of the second value in `say('alice': 'hi')`.
 */
export function refuseOddTypes(source: StrippedSource): void {
  const { tokens, types, roles } = source;
  for (let at = 1; at < tokens.length; at++) {
    const { isType, identifierRole: role } = tokens[at]!;
    const isAfterType = tokens[at - 1]!.isType;
    // Sucrase does not look for the end of what is put into a text.
    if (source.isOf(at, types.template) && !source.isOf(at - 1, types.backQuote, types.braceR)) refuse(source, at);
    if (role === roles.ImportDeclaration && !isImported(source, at)) refuse(source, at);
    if (!isType) {
      if (source.isOf(at, types.eq, types.assign, types.postIncDec) && !mayBeAssigned(source, at)) refuse(source, at);
    } else if (!isAfterType) {
      if (source.isOf(at, types.colon, types.question) && !mayHaveType(source, at - 1)) refuse(source, at);
    } else if (source.hasLineEnd(at - 1, at)) {
      const isDeclared = role === roles.TopLevelDeclaration;
      if (isDeclared && /^(?:interface|type)$/.test(source.textOf(at - 1))) refuse(source, at);
    } else {
      if (source.isOf(at, types.greaterThan) && source.isOf(at - 1, types.lessThan)) refuse(source, at);
      if (isWord(source, at) && (isWord(source, at - 1) || /^[\])}]$/.test(source.textOf(at - 1)))) refuse(source, at);
    }
  }
}

function isWord(source: StrippedSource, at: number): boolean {
  if (source.isOf(at, source.types.template, source.types.dollarBraceL)) return false;
  return /^[\w$'"]/.test(source.textOf(at)) && !WORDS.has(source.textOf(at));
}

/** Whether what stands before the name of an import belongs there: it takes any two words for a type and its name. */
function isImported(source: StrippedSource, at: number): boolean {
  const { types } = source;
  const before = source.textOf(at - 1);
  if (before === 'type') return source.isOf(at - 2, types._import, types.braceL, types.comma);
  if (before !== 'as') return source.isOf(at - 1, types._import, types.braceL, types.comma);
  if (source.isOf(at - 2, types.star)) return true;
  return (
    source.isOf(at - 2, types.name) &&
    (source.isOf(at - 3, types.braceL, types.comma) || source.textOf(at - 3) === 'type')
  );
}

/** Whether a value may be given to what stands before: not to what is called, and not to a name with its types only. */
function mayBeAssigned(source: StrippedSource, at: number): boolean {
  let target = at - 1;
  while (source.tokens[target]?.isType === true) target--;
  return !source.isOf(target, source.types.parenR) && !source.isOf(target + 1, source.types.lessThan);
}

/** Whether a type may follow what stands here: a variable, a property, parts of a value, or parameters. */
function mayHaveType(source: StrippedSource, at: number): boolean {
  const { tokens, types, roles } = source;
  const { identifierRole: role, contextId } = tokens[at]!;
  if (source.isOf(at, types._this)) return true;
  if (source.isOf(at, types.parenR)) return isParameterList(source, at);
  if (source.isOf(at, types.bracketR) && contextId !== null) return true;
  if (source.isOf(at, types.bracketR, types.braceR)) return isPattern(source, at);
  if (role === null) return contextId !== null;
  return role !== roles.Access && role !== roles.ObjectShorthand;
}

function isParameterList(source: StrippedSource, end: number): boolean {
  let at = end + 1;
  while (source.tokens[at]?.isType === true) at++;
  return source.isOf(at, source.types.arrow, source.types.braceL);
}

function isPattern(source: StrippedSource, end: number): boolean {
  const { tokens, types, roles } = source;
  let depth = 0;
  for (let at = end; at > 0; at--) {
    if (source.isOf(at, types.bracketR, types.braceR)) depth++;
    if (!source.isOf(at, types.bracketL, types.braceL, types.dollarBraceL) || --depth > 0) continue;
    const isFirst = source.isOf(
      at - 1,
      types.parenL,
      types.comma,
      types._const,
      types._let,
      types._var,
      types.ellipsis,
    );
    return isFirst && takesPart(source, tokens[at + 1]!.identifierRole === roles.ObjectKey ? at + 3 : at + 1);
  }
  return false;
}

/** Whether what stands in a list or object is a name for a part of it, and no value. */
function takesPart(source: StrippedSource, at: number): boolean {
  const { types, roles } = source;
  const role = source.tokens[at]!.identifierRole;
  if (source.isOf(at, types.bracketL, types.bracketR, types.braceL, types.braceR, types.comma, types.ellipsis))
    return true;
  return role !== null && role !== roles.Access && role !== roles.ObjectShorthand && role !== roles.ObjectKey;
}
