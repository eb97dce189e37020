/** The fields of lines of JSON, as docs/json.md lists them and as they are. */
import { readFileSync } from 'node:fs';

/** The kinds of values that the page has. */
export type Kind = 'text' | 'number' | 'boolean' | 'date' | 'list' | 'null';

/** The kinds of each field, by the names of the command, the type of the object, and the field. */
export type Fields = Map<string, Set<Kind>>;

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function kindOf(value: unknown): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'string') return DATE.test(value) ? 'date' : 'text';
  return typeof value as 'number' | 'boolean';
}

/** Adds the fields of an object: those of objects in it behind a dot, those of objects in a list behind `[]`. */
function addFields(into: Fields, path: string, value: unknown): void {
  if (Array.isArray(value) && value.some((each) => typeof each === 'object' && each !== null)) {
    for (const each of value) addFields(into, `${path}[]`, each);
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const separator = path.endsWith(' ') ? '' : '.';
    for (const [name, each] of Object.entries(value)) addFields(into, `${path}${separator}${name}`, each);
  } else {
    into.set(path, (into.get(path) ?? new Set()).add(kindOf(value)));
  }
}

/** Adds the fields of each line of an output. */
export function addLines(into: Fields, command: string, output: string): void {
  for (const line of output.split('\n').filter((each) => each.startsWith('{'))) {
    const { type, ...fields } = JSON.parse(line) as { readonly type?: string };
    addFields(into, `${command} ${type ?? '-'} `, fields);
  }
  // A list may have been empty at one time, and have had objects in it at another.
  for (const name of into.keys()) {
    const list = name.replace(/\[\](?:\.[^[\]]*)?$/, '');
    if (list !== name) into.delete(list);
  }
}

const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  text: ['text'],
  number: ['number'],
  boolean: ['boolean'],
  date: ['date'],
  list: ['list'],
  'text or null': ['text', 'null'],
  'number or null': ['number', 'null'],
};

/** The title of what reports events. */
const EVENTS = 'pipe, ';

/** The fields of events that the page lists. */
export function documentedEventFields(): string[] {
  const section = readFileSync('docs/json.md', 'utf8').split(`## ${EVENTS}`)[1]!.split(/^## /m)[0]!;
  return Array.from(section.matchAll(/^\| `(\w+)` *\|/gm), ([, field]) => field!);
}

/** The fields that the page lists. */
export function documentedFields(): Fields {
  const fields: Fields = new Map();
  const sections = readFileSync('docs/json.md', 'utf8').split(/^## /m);
  const statistics = rowsOf(sections.find((section) => section.startsWith('Statistics'))!);
  for (const section of sections) {
    const command = section.split('\n')[0]!;
    // Events have tables of their own.
    if (command.startsWith(EVENTS)) continue;
    for (const [type, field, kind] of rowsOf(section)) {
      const name = type!.replaceAll('`', '') || '-';
      const [, prefix = ''] = /^(?:`(\S+)` and )?\[statistics\]/.exec(field!) ?? [];
      const listed = field!.includes('[statistics]') ? statistics : [[type, field, kind]];
      for (const [, each, kindText] of listed) {
        const kinds = KINDS[kindText!];
        if (!kinds) throw new Error(`${command}: ${kindText} is no kind of value`);
        fields.set(`${command} ${name} ${prefix}${each!.replaceAll('`', '')}`, new Set(kinds));
      }
    }
  }
  for (const name of fields.keys()) if (name.startsWith('Statistics')) fields.delete(name);
  return fields;
}

/** The first three cells of each row of the tables that begin with a type. */
function rowsOf(section: string): string[][] {
  return Array.from(section.matchAll(/^\| (.*?) *\| (.*?) *\| (.*?) *\|/gm), ([, ...cells]) => cells).filter(
    ([type, field]) => type !== 'type' && !/^-+$/.test(field!),
  );
}
