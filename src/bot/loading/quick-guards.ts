import { refuse, type StrippedSource } from './sucrase.ts';

/** To what jiti evaluates they mean something else: its function has them, or the code that is put before the first line. */
const TAKEN = /^(?:exports|module|require|__filename|__dirname|jitiImport|jitiESMResolve|_quick\w*)$|\\/;

/** Refuses what Sucrase makes otherwise than Babel: enums, namespaces, and parameters that become properties. */
export function refuseBeyond(source: StrippedSource): void {
  const { tokens, types, roles } = source;
  for (let at = 0; at < tokens.length; at++) {
    const { isType, identifierRole: role } = tokens[at]!;
    const text = source.textOf(at);
    if (isType) {
      if (text.includes('\n')) refuse(source, at);
      if (/^(?:namespace|module)$/.test(text) && source.isOf(at + 1, types.name)) refuse(source, at);
      continue;
    }
    if (source.isOf(at, types._enum)) refuse(source, at);
    if (source.isOf(at, types._import) && (source.isOf(at + 1, types.parenL) || source.isOf(at + 2, types.eq))) {
      refuse(source, at);
    }
    const isModified = source.isRemoved(at - 1) && !tokens[at - 1]!.isType;
    if (isModified && role === roles.FunctionScopedDeclaration) refuse(source, at);
    if (TAKEN.test(text) && source.isOf(at, types.name) && role !== null && role !== roles.ObjectKey)
      refuse(source, at);
  }
}

/**
 * Refuses lines that would go on with the one before them, or end too early, without the types between: what has no
 * semicolon may end with its line only for what comes next.
 */
export function refuseJoinedLines(source: StrippedSource): void {
  const { tokens, types, roles } = source;
  const { parenL, bracketL, backQuote, regexp, plus, minus, star, lessThan, slash, semi, comma, braceR, eq, parenR } =
    types;
  for (let at = 1; at < tokens.length; at++) {
    if (!source.isRemoved(at - 1) || source.isRemoved(at)) continue;
    let before = at - 1;
    while (source.isRemoved(before)) before--;
    if (before < 0) continue;
    if (source.isJoined(before, at)) refuse(source, at);
    if (!source.hasLineEnd(before, at)) continue;
    const startsAnew = source.hasLineEnd(at - 1, at) || source.isOf(at - 1, semi, braceR) || !tokens[at - 1]!.isType;
    const goesOn = source.isOf(at, parenL, bracketL, backQuote, regexp, plus, minus, star, lessThan, slash);
    if (startsAnew && goesOn && !source.isOf(before, semi, comma, eq, types.braceL, types.arrow)) refuse(source, at);
    const { _return, _throw, _break, _continue, _yield } = types;
    if (source.isOf(before, _return, _throw, _break, _continue, _yield)) refuse(source, at);
    // A property of such a name would be a word for the next one.
    const isKey =
      tokens[before]!.identifierRole === roles.ObjectKey && /^(?:get|set|static|accessor)$/.test(source.textOf(before));
    if (isKey && !source.isOf(at, eq, semi, comma, braceR, parenL, parenR)) refuse(source, at);
  }
}
