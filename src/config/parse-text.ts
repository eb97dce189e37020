import path from 'node:path';
import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Scalar,
} from 'yaml';
import { messageOf } from '../errors.ts';
import { PACKAGE_KEY } from './discovery.ts';
import { inPlainWords } from './yaml-words.ts';

/** A parsed text, by which values have positions. */
export interface Source {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly content: string;
  /** What is wrong with the text, whatever the schema is. */
  readonly complaints: readonly Place[];
  /** Where the first syntax error is: what follows is a guess. */
  readonly brokenAt: number;
}

/** A position in a file, and what a message says of it. */
export interface Place {
  readonly offset: number;
  readonly text: string;
}

const NO_COMMENTS = 'JSON has no comments: remove it, or name the file .yaml and begin comments with #';

/** Parses YAML, and JSON, which is YAML, and keeps the position of each value. */
export function parseText(name: string, content: string, keep: (source: Source) => void): unknown {
  const lines = new LineCounter();
  const isPackage = path.basename(name) === 'package.json';
  const isJson = path.extname(name) === '.json';
  const document = parseDocument(content, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: !isPackage,
  });
  // npm reports the problems of a package.json.
  const bare = isPackage ? undefined : bareVariable(content, document.errors[0]?.pos[0] ?? 0);
  // What follows a variable that YAML takes for a mapping makes no sense.
  const errors = isPackage ? [] : bare ? document.errors.slice(0, 1) : document.errors;
  const complaint = (offset: number, message: string): Place => {
    return { offset, text: `${at(name, lines, offset)}: ${message}` };
  };
  const complaints = inPlainWords(errors, content, lines).map(({ offset, message }) =>
    complaint(offset, bare ?? message),
  );
  const brokenLines = new Set(errors.map(({ pos: [offset] }) => lines.linePos(offset).line));
  const complain = (node: Node, problem: string): void =>
    void complaints.push(complaint(node.range?.[0] ?? 0, problem));
  const unknownTags = new Set(document.warnings.map(({ message }) => /^Unresolved tag: (.+)/.exec(message)?.[1]));
  const checkTag = (node: Node): void => {
    if (!node.tag || !unknownTags.has(node.tag)) return;
    const tag = node.tag.replace(/^tag:yaml\.org,2002:/, '!!');
    complain(node, `the tag ${tag} means nothing here: a value of the environment is \${NAME}`);
  };
  const root = isPackage ? document.get(PACKAGE_KEY, true) : document.contents;
  visit(isNode(root) ? root : null, {
    Alias: (_, alias, above) => {
      const target = alias.resolve(document);
      if (target && !above.includes(target)) return undefined;
      const isUnread = brokenLines.has(lines.linePos(alias.range?.[0] ?? 0).line);
      if (target) complain(alias, `this alias stands for what it is in, which has no end`);
      else if (!isUnread) complain(alias, `there is no anchor &${alias.source} for this alias`);
      return Object.assign(document.createNode(null), { range: alias.range });
    },
  });
  const read = new Set<unknown>();
  const readValues = (node: unknown): void => {
    if (!isNode(node) || read.has(node)) return;
    read.add(node);
    visit(node, {
      // What is ignored counts where an alias leads to it.
      Pair: (_, { key, value }, above) => {
        if (isMergeKey(key) && !isMergeable(value, document)) complain(key, 'behind << stands an alias of a mapping');
        if (isCollection(key)) complain(key, 'a key is a text, and no list or mapping');
        if (isJson && isScalar(key) && /^\/[/*]/.test(String(key.value))) complain(key, NO_COMMENTS);
        return above.length === 1 && above[0] === root && isIgnored(key) ? visit.SKIP : undefined;
      },
      Alias: (_, alias) => readValues(alias.resolve(document)),
      Collection: (_, collection) => checkTag(collection),
      Scalar: (key, scalar) => {
        checkTag(scalar);
        if (scalar !== node && read.has(scalar)) return;
        read.add(scalar);
        const { value, source } = scalar;
        if (typeof value === 'number' && source) {
          if (/^[-+]?0\d/.test(source)) complain(scalar, `${source} would be the number ${value}: write it in quotes`);
          else if (!isExact(value, source)) complain(scalar, `${source} is too large for a number: write it in quotes`);
        }
        if (typeof value !== 'string' || key === 'key') return;
        scalar.value = expandVariables(value, (problem) => complain(scalar, problem));
      },
    });
  };
  readValues(root);
  const broken = errors.filter(({ code }) => code !== 'DUPLICATE_KEY').map(({ pos: [offset] }) => offset);
  keep({ document, lines, content, complaints, brokenAt: Math.min(...broken) });
  try {
    return (document.toJS() as unknown) ?? {};
  } catch (error) {
    if (complaints.length > 0) return {};
    const isTooMuch = /alias count/.test(messageOf(error));
    throw isTooMuch ? new Error('its aliases stand for too many values: write some of them out') : error;
  }
}

/** Whether a key is `<<`, without quotes. */
function isMergeKey(key: unknown): key is Scalar {
  if (!isScalar(key) || key.type !== 'PLAIN') return false;
  return (typeof key.value === 'symbol' ? key.value.description : key.value) === '<<';
}

/** Whether a value can be merged: a mapping, or a list of some. */
function isMergeable(value: unknown, document: Document): boolean {
  const of = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const found = of(value);
  return isMap(found) || (isSeq(found) && found.items.every((item) => isMap(of(item))));
}

/** A default is plain text: what looks like a variable in it would stay as it is. */
const VARIABLE = /\$\$\{|\$\{(?:([A-Za-z_]\w*)(?::-((?:(?!\$\{)[^}])*))?\})?/g;

/** Puts environment variables into a text: `${NAME}`, or `${NAME:-default}` if it may be missing or empty. */
function expandVariables(text: string, complain: (problem: string) => void): string {
  return text.replaceAll(VARIABLE, (found, variable?: string, byDefault?: string) => {
    if (found === '$${') return '${';
    const value = variable === undefined ? undefined : process.env[variable];
    if (byDefault !== undefined) return value === undefined || value === '' ? byDefault : value;
    if (variable === undefined) complain('expected ${NAME} or ${NAME:-default}; $${ stands for ${ itself');
    else if (value === undefined)
      complain(`there is no environment variable ${variable}: set it, or write \${${variable}:-default}`);
    return value ?? found;
  });
}

/** What to do about a variable that an error is in: where braces have a meaning, a text with some needs quotes. */
function bareVariable(content: string, offset: number): string | undefined {
  const [variable] = /^\$\{[^}\n]*\}/.exec(content.slice(Math.max(offset - 1, 0))) ?? [];
  return variable && `a value with ${variable} needs quotes inside { } and [ ]: "${variable}"`;
}

/** Whether a key at the top begins with `x-`: people keep anchors and notes for other programs there. */
export function isIgnored(key: unknown): boolean {
  return String(isScalar(key) ? key.value : key).startsWith('x-');
}

/** Whether a number has the digits of its source. Only whole numbers are meant to: `0.1` is never exact. */
function isExact(number: number, source: string): boolean {
  // `.inf` is meant to be infinite.
  if (!Number.isFinite(number)) return !/\d/.test(source);
  const digits = /^([-+]?)(\d+|0x[\da-f]+|0o[0-7]+)$/i.exec(source);
  return !digits || BigInt(digits[2]!) === BigInt(Math.abs(number));
}

/** A position, as `chatosbot.config.yaml:12:5`. */
export function at(name: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${name}:${line}:${col}`;
}
