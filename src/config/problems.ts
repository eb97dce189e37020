import { is, type BaseIssue, type GenericSchema } from 'valibot';
import { SERVER_LIMITS_PAGE } from '../server/limits/server-limits.ts';
import { closest, unknownKey } from '../util/closest.ts';

/** A problem of a configuration, and where it is. */
export interface Problem {
  readonly path: readonly (string | number)[];
  /** Whether the key itself is wrong, not its value. */
  readonly atKey: boolean;
  readonly message: string;
}

type Path = readonly (string | number)[];

/** Where keys are listed that are too many for a line, by what they are in. */
const PAGES: Readonly<Record<string, string>> = { 'serve.limits': SERVER_LIMITS_PAGE };

/** What is wrong with a value, as messages for people: the schema's issues with it, each with what was expected. */
export function problemsOf(schema: object, value: unknown, issues: readonly BaseIssue<unknown>[]): Problem[] {
  return [
    ...listsForMappings(schema, value, []),
    ...issues.flatMap((issue) => problemsOfIssue(issue, [])),
    ...unknownKeysIn(schema, value, []),
  ];
}

/** All keys that are unknown: the schema's issues have the first one of each mapping. */
function unknownKeysIn(schema: object, value: unknown, path: Path): Problem[] {
  if (typeof value !== 'object' || value === null) return [];
  const { entries } = unwrap(schema);
  return Object.entries(value).flatMap(([name, inner]) => {
    const key = Array.isArray(value) ? Number(name) : name;
    if (typeof key === 'string' && entries && !Object.hasOwn(entries, key)) {
      const message = unknownKey(key, Object.keys(entries), PAGES[path.join('.')]);
      return [{ path: [...path, key], atKey: true, message }];
    }
    const part = below(schema, key);
    return part ? unknownKeysIn(part, inner, [...path, key]) : [];
  });
}

/** Empty lists in place of mappings: a schema without required keys accepts them, as they have no unknown ones. */
function listsForMappings(schema: object, value: unknown, path: Path): Problem[] {
  if (Array.isArray(value) && unwrap(schema).entries && is(schema as GenericSchema, value)) {
    return [{ path, atKey: false, message: `expected ${NAMES['Object']}, found a list` }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const key = Array.isArray(value) ? Number(name) : name;
    const part = below(schema, key);
    return part ? listsForMappings(part, inner, [...path, key]) : [];
  });
}

function problemsOfIssue(issue: BaseIssue<unknown>, prefix: Path): Problem[] {
  const items = issue.path ?? [];
  const path = [...prefix, ...items.map(({ key }) => key as string | number)];
  const last = items.at(-1);
  if (issue.type === 'union') {
    // The intended alternative is the one of the value's kind that has issues inside the value.
    const kind = Array.isArray(issue.input) ? 'array' : 'object';
    const inside = (issue.issues ?? []).filter((inner) => inner.path?.[0].type === kind);
    if (inside.length > 0) return inside.flatMap((inner) => problemsOfIssue(inner, path));
  }
  if (issue.type === 'strict_object' && last?.type === 'object' && Array.isArray(last.input)) {
    return [{ path: path.slice(0, -1), atKey: false, message: `expected ${NAMES['Object']}, found a list` }];
  }
  if (issue.type === 'strict_object' && issue.expected !== 'Object' && last !== undefined) {
    if (issue.expected === 'never') return [];
    return [{ path: path.slice(0, -1), atKey: false, message: `'${String(last.key)}' is missing` }];
  }
  return [{ path, atKey: false, message: describe(issue) }];
}

function describe(issue: BaseIssue<unknown>): string {
  if (['picklist', 'union', 'custom'].includes(issue.type)) {
    const [, words] = /^expected one of (.*)$/.exec(issue.message) ?? [];
    const meant = words && typeof issue.input === 'string' ? closest(issue.input, words.split(', ')) : undefined;
    // A variable of the environment gives a text, whatever is in it.
    const isDigits =
      typeof issue.input === 'string' && /^\d+$/.test(issue.input) && /number|millis/.test(issue.message);
    const text = `${issue.message}, found ${isDigits ? 'the text ' : ''}${found(issue.input)}`;
    return meant === undefined ? text : `${text}; did you mean '${meant}'?`;
  }
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  const text = `expected ${NAMES[issue.expected ?? ''] ?? issue.expected ?? issue.type}, found ${found(issue.input)}`;
  return issue.expected === 'Array' && isScalar(issue.input) ? `${text}: write [${found(issue.input)}]` : text;
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  Array: 'a list',
  Object: 'a mapping of keys to values',
};

function found(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'a mapping';
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'bigint') return `${value}n`;
  // JSON has no NaN and no Infinity.
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The properties of a schema that are needed to find what it has at a path. */
interface SchemaNode {
  readonly wrapped?: SchemaNode;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly item?: SchemaNode;
  readonly options?: readonly SchemaNode[];
}

function below(node: SchemaNode, key: string | number): SchemaNode | undefined {
  const { item, entries } = unwrap(node);
  return typeof key === 'number' ? item : entries && Object.hasOwn(entries, key) ? entries[key] : undefined;
}

function unwrap(node: SchemaNode): SchemaNode {
  if (node.wrapped) return unwrap(node.wrapped);
  return node.options?.find(({ entries }) => entries) ?? node;
}
