/** The pages docs/api.md and docs/library.md. */
import { format, resolveConfig } from 'prettier';
import { isInternal } from './api-item.ts';
import type { DocComment } from './doc-comment.ts';
import type { ApiSymbol, EntryPoint } from './public-api.ts';

/** A page about some of the entry points. */
export interface ApiPage {
  readonly file: string;
  readonly introduction: string;
  readonly entries: readonly EntryPoint[];
}

/** The entry points for authors of bots; the other page has all others. */
const FOR_BOTS = new Set(['chatosbot', 'chatosbot/testing']);

/** Deals the entry points out to the pages. */
export function createPages(entries: readonly EntryPoint[]): ApiPage[] {
  const isForBots = ({ name }: EntryPoint): boolean => FOR_BOTS.has(name);
  return [
    {
      file: 'api.md',
      introduction: `# API for bots

<!-- Generated from the doc comments in src by \`npm run api\`: change those. -->

What a bot and its tests can import. [Writing bots](bots.md) shows how the parts are used together; [the library](library.md) has client, server, protocol and runtime, for programs that are not bots.`,
      entries: entries.filter(isForBots),
    },
    {
      file: 'library.md',
      introduction: `# The library

<!-- Generated from the doc comments in src by \`npm run api\`: change those. -->

Client, server, protocol and bot runtime, for programs that are not bots. [API for bots](api.md) has what a bot and its tests import.`,
      entries: entries.filter((entry) => !isForBots(entry)),
    },
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

function renderPage({ introduction, entries }: ApiPage, pages: readonly ApiPage[], targets: Targets): string {
  const link = (symbol: ApiSymbol): string => `[\`${symbol.name}\`](${targets.get(symbol)!})`;
  const links = (symbols: readonly ApiSymbol[]): string => symbols.filter(isShown).map(link).join(', ');
  const all = pages.flatMap((page) => page.entries);
  const contents = entries.map(({ name, symbols }) => `- [\`${name}\`](#${slug(name)}): ${links(symbols)}`);
  const sections = entries.map((entry) => {
    const resolve = (name: string): string | undefined => {
      const symbols = [entry, ...all].flatMap((each) => each.symbols);
      return targets.get(symbols.find((each) => each.name === name)!);
    };
    const says = [entry.comment?.text ?? ''];
    const parts = entry.includes.map((name) => {
      const page = pages.find((each) => each.entries.some((other) => other.name === name))!;
      return `[\`${name}\`](${page.file}#${slug(name)})`;
    });
    if (parts.length > 0) says.push(`Also exports all of ${parts.join(', ')}.`);
    if (entry.shared.some(isShown)) says.push(`Also exports ${links(entry.shared)}.`);
    const symbols = entry.symbols.filter(isShown).map((symbol) => renderSymbol(symbol, resolve));
    return [`## ${entry.name}`, ...says, ...symbols].join('\n\n');
  });
  return [introduction, contents.join('\n'), ...sections].join('\n\n');
}

/** What is marked `@internal` is exported for the types of others only. */
function isShown({ declarations }: ApiSymbol): boolean {
  return !declarations.every(isInternal);
}

type Resolve = (name: string) => string | undefined;

function renderSymbol({ name, declarations }: ApiSymbol, resolve: Resolve): string {
  const parts = declarations.map((item) => {
    const hasMembers = /^(abstract )?(class|interface) /.test(item.signature);
    const code = hasMembers ? `\`${item.signature}\`` : `\`\`\`typescript\n${item.signature}\n\`\`\``;
    const members = item.members.map((member) => {
      const signature = member.signature.replaceAll(/\s+/g, ' ').replace(/;$/, '');
      return `- \`${signature}\`\n\n${renderComment(member.comment, resolve)}`.replaceAll('\n', '\n  ');
    });
    return [code, renderComment(item.comment, resolve), ...members].join('\n\n');
  });
  return [`### ${name}`, ...parts].join('\n\n');
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
function targetsOf({ file, entries }: ApiPage): Map<ApiSymbol, string> {
  const used = new Map<string, number>();
  const take = (name: string): string => {
    const count = used.get(slug(name)) ?? 0;
    used.set(slug(name), count + 1);
    return count === 0 ? slug(name) : `${slug(name)}-${count}`;
  };
  const targets = new Map<ApiSymbol, string>();
  for (const { name, symbols } of entries) {
    take(name);
    for (const symbol of symbols.filter(isShown)) targets.set(symbol, `${file}#${take(symbol.name)}`);
  }
  return targets;
}

function slug(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w-]/g, '');
}
