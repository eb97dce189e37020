/** The pages docs/api.md and docs/library….md. */
import { format, resolveConfig } from 'prettier';
import { isInternal, type ApiItem } from './api-item.ts';
import type { DocComment } from './doc-comment.ts';
import type { ApiSymbol, EntryPoint } from './public-api.ts';

/** A page about some of the entry points. */
export interface ApiPage {
  readonly file: string;
  readonly introduction: string;
  readonly entries: readonly EntryPoint[];
  /** What stands first, by subject; without it, each entry point is a section. */
  readonly subjects?: readonly Subject[];
}

/** What authors need for one purpose. */
export interface Subject {
  readonly title: string;
  /** What it is about, with the page that shows it in use. */
  readonly text: string;
  readonly names: readonly string[];
}

/** The entry points for authors of bots; other pages have all others. */
const FOR_BOTS = new Set(['chatosbot', 'chatosbot/testing']);

/** Pages for programs that are not bots, by what those do. */
const LIBRARY = [
  {
    file: 'library.md',
    title: 'The library',
    says: 'For programs that connect to a server and are not bots: client, encryption, packets. [A server in a program](library-server.md) and [bots in a program](library-runtime.md) have pages of their own.',
    names: ['chatosbot/client', 'chatosbot/secure', 'chatosbot/protocol'],
  },
  {
    file: 'library-server.md',
    title: 'A server in a program',
    says: 'For programs that run a server themselves; [Running a server](server.md) is about the command.',
    names: ['chatosbot/server'],
  },
  {
    file: 'library-runtime.md',
    title: 'Bots in a program',
    says: 'For programs that run bots themselves; [Running bots](running.md) is about the command.',
    names: ['chatosbot/runtime'],
  },
];

/** What an author of bots needs first. The rest of those entry points are types that these name. */
const SUBJECTS: readonly Subject[] = [
  { title: 'A plugin', text: 'See [Writing bots](bots.md).', names: ['defineBot', 'BotPlugin'] },
  { title: 'What it acts with', text: 'The last argument of each function of a plugin.', names: ['Context'] },
  {
    title: 'Messages and questions',
    text: 'See [Messages](messages.md).',
    names: ['Message', 'MessageFilter', 'AskOptions', 'Before', 'After', 'HandledMessage'],
  },
  {
    title: 'Dialogues',
    text: 'See [Dialogues](dialogues.md).',
    names: ['defineDialogue', 'DialogueSpec', 'DialogueStep', 'Answered', 'AnswerSpec', 'Beginning'],
  },
  { title: 'Commands', text: 'See [Commands](commands.md).', names: ['Command', 'ArgSpec', 'Cooldown'] },
  {
    title: 'Schedules and timers',
    text: 'See [Schedules](schedules.md).',
    names: [
      'ScheduledTask',
      'ScheduleSpec',
      'Tick',
      'ScheduleHandle',
      'TimerHandler',
      'Timer',
      'FiredTimer',
      'Duration',
    ],
  },
  { title: 'The store', text: 'See [The store](store.md).', names: ['Store', 'EntriesOptions'] },
  {
    title: 'Private connections',
    text: 'See [Private connections](private-connections.md).',
    names: ['IncomingRequest', 'RequestOptions', 'Channel'],
  },
  {
    title: 'Log and errors',
    text: 'See [Errors and exit codes](errors.md).',
    names: ['Logger', 'ChatosError', 'isChatosError'],
  },
  {
    title: 'Tests',
    text: "From `'chatosbot/testing'`. See [Testing bots](testing.md).",
    names: ['TestNetwork', 'TestNetworkOptions', 'TestBot', 'TestBotOptions', 'TestUser', 'FakeClock'],
  },
];

/** Deals the entry points out to the pages. */
export function createPages(entries: readonly EntryPoint[]): ApiPage[] {
  const isForBots = ({ name }: EntryPoint): boolean => FOR_BOTS.has(name);
  const lost = entries.find(({ name }) => !FOR_BOTS.has(name) && !LIBRARY.some(({ names }) => names.includes(name)));
  if (lost) throw new Error(`${lost.name} needs a place in LIBRARY of test/docs/api-page.ts`);
  return [
    {
      file: 'api.md',
      introduction: `# API for bots

<!-- Generated from the doc comments in src by \`npm run api\`: change those. -->

What a bot and its tests import, by subject; behind it, the [types that these name](#types-that-these-name). [Writing bots](bots.md) shows how the parts are used together. All of it comes from \`'chatosbot'\`, but for [tests](#tests).`,
      entries: entries.filter(isForBots),
      subjects: SUBJECTS,
    },
    ...LIBRARY.map(({ file, title, says, names }) => ({
      file,
      introduction: `# ${title}

<!-- Generated from the doc comments in src by \`npm run api\`: change those. -->

${says} [API for bots](api.md) has what a bot and its tests import.`,
      entries: names.map((name) => entries.find((entry) => entry.name === name)!),
    })),
  ];
}

/** Returns the text of each page by its file, formatted as the project's other pages are. */
export async function renderPages(pages: readonly ApiPage[]): Promise<Map<string, string>> {
  const targets = new Map(pages.flatMap((page) => [...targetsOf(page)]));
  const config = await resolveConfig('docs/api.md');
  const texts = pages.map(async (page): Promise<[string, string]> => {
    return [page.file, await format(renderPage(page, pages, targets), { ...config, parser: 'markdown' })];
  });
  return new Map(await Promise.all(texts));
}

/** Where a symbol stands, as a link from either page. */
type Targets = ReadonlyMap<ApiSymbol, string>;

/** A part of a page: its title, what it says first, and its symbols. */
interface Section {
  readonly title: string;
  readonly says: readonly string[];
  readonly symbols: readonly ApiSymbol[];
}

/** The parts of a page, in their order. */
function sectionsOf(page: ApiPage, sayOf: (entry: EntryPoint) => string[]): Section[] {
  const { entries, subjects } = page;
  if (!subjects)
    return entries.map((entry) => ({ title: entry.name, says: sayOf(entry), symbols: shown(entry.symbols) }));
  const symbols = shown(entries.flatMap((entry) => entry.symbols));
  const parts = subjects.map(({ title, text, names }) => {
    return { title, says: [text], symbols: names.map((name) => find(symbols, name)) };
  });
  const first = new Set(parts.flatMap((part) => part.symbols));
  const rest = symbols.filter((symbol) => !first.has(symbol));
  const active = rest.filter(({ declarations }) =>
    declarations.some((each) => /^(function|class) /.test(each.signature)),
  );
  if (active.length > 0) throw new Error(`${active[0]!.name} needs a place in SUBJECTS of test/docs/api-page.ts`);
  const says = entries.flatMap((entry) =>
    sayOf({ ...entry, comment: undefined }).map((text) => `\`${entry.name}\`: ${text}`),
  );
  return [...parts, { title: 'Types that these name', says, symbols: rest }];
}

function find(symbols: readonly ApiSymbol[], name: string): ApiSymbol {
  const symbol = symbols.find((each) => each.name === name);
  if (!symbol) throw new Error(`a subject of the API page names ${name}, which is not exported`);
  return symbol;
}

function renderPage(page: ApiPage, pages: readonly ApiPage[], targets: Targets): string {
  const link = (symbol: ApiSymbol): string => `[\`${symbol.name}\`](${targets.get(symbol)!})`;
  const links = (symbols: readonly ApiSymbol[]): string => symbols.map(link).join(', ');
  const symbols = [page, ...pages].flatMap(({ entries }) => entries.flatMap((entry) => entry.symbols));
  const resolve = (name: string): string | undefined => {
    return targets.get(symbols.find((each) => each.name === name)!);
  };
  const sections = sectionsOf(page, (entry) => {
    const parts = entry.includes.map((name) => {
      const other = pages.find((each) => each.entries.some((its) => its.name === name))!;
      return `[\`${name}\`](${other.file}#${slug(name)})`;
    });
    return [
      ...(entry.comment ? [entry.comment.text] : []),
      ...(parts.length > 0 ? [`Also exports all of ${parts.join(', ')}.`] : []),
      ...(shown(entry.shared).length > 0 ? [`Also exports ${links(shown(entry.shared))}.`] : []),
    ];
  });
  const contents = sections.map(({ title, symbols: its }) => {
    const label = page.subjects ? title : `\`${title}\``;
    return `- [${label}](#${slug(title)}): ${links(its)}`;
  });
  const texts = sections.map(({ title, says, symbols: its }) => {
    return [`## ${title}`, ...says, ...its.map((symbol) => renderSymbol(symbol, resolve))].join('\n\n');
  });
  return [page.introduction, contents.join('\n'), ...texts].join('\n\n');
}

/** What is marked `@internal` is exported for the types of others only. */
function shown(symbols: readonly ApiSymbol[]): ApiSymbol[] {
  return symbols.filter(({ declarations }) => !declarations.every(isInternal));
}

type Resolve = (name: string) => string | undefined;

function renderSymbol({ name, declarations }: ApiSymbol, resolve: Resolve): string {
  const parts = declarations.map((item) => {
    const hasMembers = /^(abstract )?(class|interface) /.test(item.signature);
    const code = hasMembers ? `\`${item.signature}\`` : `\`\`\`typescript\n${item.signature}\n\`\`\``;
    const members = item.members.map((member) => renderMember(member, resolve)).join('\n');
    return [code, renderComment(item.comment, resolve), members].join('\n\n');
  });
  return [`### ${name}`, ...parts].join('\n\n');
}

/** An item of a list: what it is called, and what it is. */
function renderMember({ signature, comment }: ApiItem, resolve: Resolve): string {
  const code = signature
    .replaceAll(/\s+/g, ' ')
    .replace(/;$/, '')
    .replaceAll(/\breadonly (?=\w+\??:)/g, '');
  const text = renderComment(comment, resolve).trim();
  if (text === '') return `- \`${code}\``;
  // A list or an example has lines of its own.
  if (/^( *[-|]|```)/m.test(text)) return `- \`${code}\`\n\n${text}`.replaceAll('\n', '\n  ');
  const sentences = text
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replaceAll(/\s+/g, ' ').replace(/(?<![.!?:])$/, '.'));
  return `- \`${code}\`: ${sentences.join(' ')}`;
}

/** The text, and each tag as a paragraph. */
function renderComment(comment: DocComment | undefined, resolve: Resolve): string {
  if (!comment) return '';
  const tags = comment.tags.map(({ name, text }) => {
    const [, type, rest = ''] = /^(?:\{(\w+)\})?\s*(.*)$/s.exec(text)!;
    if (name === 'example') return /^```/m.test(text) ? text : `\`\`\`typescript\n${text}\n\`\`\``;
    if (name === 'param') return rest.replace(/^(\S+)(?: -)?/, '`$1`:');
    if (name === 'default') return `Default: ${/^[\d'{[]|^(true|false)$/.test(rest) ? `\`${rest}\`` : rest}`;
    const word = name === 'throws' ? 'Throws' : name === 'returns' ? 'Returns' : 'Deprecated:';
    return `${word} ${type === undefined ? '' : `{@link ${type}} `}${rest}`;
  });
  return [comment.text, ...tags]
    .join('\n\n')
    .replaceAll(/\{@link (\w+)([\w.]*)\}/g, (_, name: string, member: string) => {
      const target = resolve(name);
      return target === undefined ? `\`${name}${member}\`` : `[\`${name}${member}\`](${target})`;
    });
}

/** The anchors that a Markdown reader gives to the headings: a second one of the same name is numbered. */
function targetsOf(page: ApiPage): Map<ApiSymbol, string> {
  const used = new Map<string, number>();
  const take = (name: string): string => {
    const count = used.get(slug(name)) ?? 0;
    used.set(slug(name), count + 1);
    return count === 0 ? slug(name) : `${slug(name)}-${count}`;
  };
  const targets = new Map<ApiSymbol, string>();
  for (const { title, symbols } of sectionsOf(page, () => [])) {
    take(title);
    for (const symbol of symbols) targets.set(symbol, `${page.file}#${take(symbol.name)}`);
  }
  return targets;
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}
