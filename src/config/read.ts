import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cosmiconfig, type CosmiconfigResult, type Loader, type PublicExplorer } from 'cosmiconfig';
import { safeParse } from 'valibot';
import { isMap, isNode, isPair, isScalar, type Document } from 'yaml';
import { ChatosError, messageOf } from '../errors.ts';
import { CONFIG_FILES, PACKAGE_KEY } from './discovery.ts';
import { at, isIgnored, parseText, type Place, type Source } from './parse-text.ts';
import { problemsOf, type Problem } from './problems.ts';
import { CONFIG_SCHEMA, type Config } from './schema.ts';
import { oddSpaces } from './yaml-words.ts';

/** A configuration as it was found. */
export interface LoadedConfig {
  /** Its file; `undefined` if there is no configuration. */
  readonly file: string | undefined;
  /** What relative paths in it are relative to. */
  readonly directory: string;
  readonly config: Config;
  /**
   * A position in it, as `chatosbot.config.yaml:12:5`: of the value at `path`, or of its key with `atKey`; if there is no
   * such value, of the nearest one around it. Only the file's name if the configuration is code; `undefined` if there is
   * no configuration.
   */
  readonly locate: (path: readonly (string | number)[], atKey?: boolean) => string | undefined;
  /** Its problems, if only its valid parts are in `config`. */
  readonly problem?: ChatosError;
  /** Each of them, and the keys that lead to it: none where the text itself is wrong. */
  readonly problems?: readonly PlacedProblem[];
}

/** A problem of a configuration, for people. */
export interface PlacedProblem {
  readonly path: readonly (string | number)[];
  /** With its file, line and column. */
  readonly text: string;
}

interface ReadOptions {
  /** The file; else the first one in the folders. */
  readonly file: string | undefined;
  readonly folders: readonly string[];
  readonly salvage: boolean;
}

/**
 * Reads and checks a configuration; resolves to `undefined` if there is none in the folders.
 *
 * @throws {ChatosError} `INVALID_CONFIG`: the message has a line for each problem, with file, line and column
 */
export async function readConfig({ file, folders, salvage }: ReadOptions): Promise<LoadedConfig | undefined> {
  const sources = new Map<string, Source>();
  const readText: Loader = (filepath, content) => {
    checkEncoding(filepath, content, shown(filepath));
    return parseText(shown(filepath), content, (source) => sources.set(filepath, source));
  };
  // What loads plugins is not loaded for a configuration that is data.
  const readModule: Loader = async (filepath) => (await import('./read-module.ts')).readConfigModule(filepath, shown);
  const explorer = cosmiconfig('chatosbot', {
    searchPlaces: [...CONFIG_FILES],
    searchStrategy: 'none',
    packageProp: PACKAGE_KEY,
    loaders: {
      '.yaml': readText,
      '.yml': readText,
      '.json': readText,
      '.ts': readModule,
      '.js': readModule,
      '.mjs': readModule,
      '.cjs': readModule,
    },
  });
  let result: Awaited<ReturnType<typeof explorer.search>>;
  try {
    result = await (file === undefined ? searchIn(folders, explorer) : explorer.load(path.resolve(file)));
  } catch (error) {
    if (error instanceof ChatosError) throw error;
    throw new ChatosError('INVALID_CONFIG', `${file ?? 'the configuration'}: ${messageOf(error)}`, { cause: error });
  }
  if (!result) return undefined;

  const { filepath } = result;
  const prefix = path.basename(filepath) === 'package.json' ? [PACKAGE_KEY] : [];
  const place: Locate = (where, atKey) => placeOf(shown(filepath), sources.get(filepath), [...prefix, ...where], atKey);
  const { complaints = [], brokenAt = Infinity } = sources.get(filepath) ?? {};
  if (complaints.length > 0 && !salvage) throw invalid(shown(filepath), complaints, sources.get(filepath));
  let value: unknown;
  let checked: ReturnType<typeof check>;
  try {
    value = withoutIgnored((result.config as unknown) ?? {});
    checked = check(value);
  } catch (error) {
    // A getter, or a proxy.
    if (sources.has(filepath)) throw error;
    throw (await import('./read-module.ts')).moduleFailure(error, filepath, shown);
  }
  const locate: LoadedConfig['locate'] = (where, atKey = false) => place(where, atKey).text;
  const found = { file: filepath, directory: path.dirname(filepath), locate };
  const isKnown = ({ offset }: Place): boolean => complaints.some((known) => known.offset === offset);
  const placed = problemsOf(CONFIG_SCHEMA, value, checked.issues ?? [])
    .map((each) => placeProblem(each, place))
    .filter((each) => each.offset < brokenAt && !isKnown(each));
  const wrong = [...complaints.map((each) => ({ ...each, path: [] })), ...placed];
  if (checked.success && wrong.length === 0) return { ...found, config: checked.output };
  const problem = invalid(shown(filepath), wrong, sources.get(filepath));
  if (!salvage) throw problem;
  return { ...found, config: salvageParts(value), problem, problems: wrong };
}

const check = (value: unknown) => safeParse(CONFIG_SCHEMA, value);

/** What is not UTF-8 has become U+FFFD, which would be taken for what was meant. */
function checkEncoding(file: string, content: string, name: string): void {
  const offset = content.indexOf('\uFFFD');
  if (offset < 0 || isUtf8(readFileSync(file))) return;
  const before = content.slice(0, offset).split('\n');
  const place = `${name}:${before.length}:${before.at(-1)!.length + 1}`;
  throw new ChatosError('INVALID_CONFIG', `${place}: this is not UTF-8: save the file as UTF-8`, { fields: { file } });
}

function withoutIgnored(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !isIgnored(key)));
}

async function searchIn(folders: readonly string[], explorer: PublicExplorer): Promise<CosmiconfigResult> {
  for (const folder of folders) {
    const result = await explorer.search(folder);
    if (result) return result;
  }
  return null;
}

/**
 * The valid parts of an invalid configuration. A bot whose path or options are invalid leaves a hole in the list, so that
 * the others keep their indexes.
 */
function salvageParts(value: unknown): Config {
  const parts = Object.entries(CONFIG_SCHEMA.entries).flatMap(([key, schema]) => {
    const part: unknown = (value as Record<string, unknown> | null)?.[key];
    if (part === undefined) return [];
    const checked = safeParse(schema, part);
    if (checked.success) return [[key, checked.output]];
    if (key === 'bots' && Array.isArray(part)) return [[key, salvageBots(part)]];
    return key === 'serve' ? [[key, salvageServe(part)]] : [];
  });
  return Object.fromEntries(parts) as Config;
}

/** Each key by itself: a server that is reloaded keeps what it has in place of those that are wrong. */
function salvageServe(serve: unknown): NonNullable<Config['serve']> {
  const parts = Object.entries(CONFIG_SCHEMA.entries.serve.wrapped.entries).flatMap(([key, schema]) => {
    const checked = safeParse(schema, (serve as Record<string, unknown> | null)?.[key]);
    return checked.success && checked.output !== undefined ? [[key, checked.output] as const] : [];
  });
  return Object.fromEntries(parts);
}

function salvageBots(bots: readonly unknown[]): NonNullable<Config['bots']> {
  const schema = CONFIG_SCHEMA.entries.bots;
  const salvaged: NonNullable<Config['bots']> = [];
  for (const [index, bot] of bots.entries()) {
    let checked = safeParse(schema, [bot]);
    if (!checked.success) {
      // Without its wrong keys; but without its options, those would be wrong.
      const wrong = new Set(problemsOf(schema, [bot], checked.issues).map(({ path: [, key] }) => key));
      const right = Object.entries(Object(bot) as object).filter(([key]) => key === 'options' || !wrong.has(key));
      checked = safeParse(schema, [Object.fromEntries(right)]);
    }
    if (checked.success) salvaged[index] = checked.output![0]!;
  }
  return salvaged;
}

type Locate = (where: readonly (string | number)[], atKey: boolean) => Place;

function placeOf(name: string, source: Source | undefined, where: readonly (string | number)[], atKey: boolean): Place {
  const offset = source && offsetOf(source.document, where, atKey);
  return { offset: offset ?? 0, text: source && offset !== undefined ? at(name, source.lines, offset) : name };
}

function placeProblem({ path: where, atKey, message }: Problem, locate: Locate): Place & PlacedProblem {
  const { offset, text } = locate(where, atKey);
  return { offset, path: where, text: `${text}: ${where.length > 0 ? `${where.join('.')}: ` : ''}${message}` };
}

function invalid(name: string, places: readonly Place[], source?: Source): ChatosError {
  const odd = source ? oddPlaces(name, places, source) : [];
  const texts = [...places, ...odd].toSorted((a, b) => a.offset - b.offset).map(({ text }) => text);
  return new ChatosError('INVALID_CONFIG', [...new Set(texts)].join('\n'), { fields: { file: name } });
}

/** What nobody can see in the lines of problems. */
function oddPlaces(name: string, places: readonly Place[], { content, lines }: Source): Place[] {
  const found = oddSpaces(
    content,
    places.map(({ offset }) => lines.linePos(offset).line),
  );
  return found.map(({ offset, message }) => ({ offset, text: `${at(name, lines, offset)}: ${message}` }));
}

/** The offset of a value, or of its key; if it is missing, of the nearest one around it. */
function offsetOf(document: Document, where: readonly (string | number)[], atKey: boolean): number | undefined {
  for (let length = where.length; length >= 0; length--) {
    const place = where.slice(0, length);
    if (atKey && length === where.length) {
      const parent = length === 1 ? document.contents : document.getIn(place.slice(0, -1), true);
      const pair =
        isMap(parent) && parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(place.at(-1)));
      if (isPair(pair) && isScalar(pair.key)) return pair.key.range?.[0];
      continue;
    }
    const node = length === 0 ? document.contents : document.getIn(place, true);
    if (isNode(node)) return node.range?.[0];
  }
  return undefined;
}

/** A path for messages: relative if it is in the working directory. */
function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
