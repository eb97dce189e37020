/** The page docs/api.md. */
import { format, resolveConfig } from 'prettier';
import type { DocComment } from './doc-comment.ts';
import type { ApiSymbol, EntryPoint } from './public-api.ts';

const INTRODUCTION = `# API reference

<!-- Made from the doc comments in src by \`npm run api\`: change those. -->

What can be imported, by entry point. [Writing bots](bots.md) tells how the parts are used together.`;

/** Returns the page, formatted as the project's other pages are. */
export async function renderPage(entries: readonly EntryPoint[]): Promise<string> {
  const anchors = anchorsOf(entries);
  const link = (symbol: ApiSymbol): string => `[\`${symbol.name}\`](#${anchors.get(symbol)!})`;
  const contents = entries.map(
    ({ name, symbols }) => `- [\`${name}\`](#${slug(name)}): ${symbols.map(link).join(', ')}`,
  );
  const sections = entries.map((entry) => {
    const resolve = (name: string): string | undefined => {
      const symbols = [entry, ...entries].flatMap((each) => each.symbols);
      const symbol = symbols.find((each) => each.name === name);
      return symbol && `#${anchors.get(symbol)!}`;
    };
    const says = [entry.comment?.text ?? ''];
    if (entry.includes.length > 0) {
      says.push(`Exports all of ${entry.includes.map((name) => `[\`${name}\`](#${slug(name)})`).join(' and ')} too.`);
    }
    if (entry.shared.length > 0) says.push(`Exports ${entry.shared.map(link).join(', ')} too.`);
    const symbols = entry.symbols.map((symbol) => renderSymbol(symbol, resolve));
    return [`## ${entry.name}`, ...says, ...symbols].join('\n\n');
  });
  const page = [INTRODUCTION, contents.join('\n'), ...sections].join('\n\n');
  return format(page, { ...(await resolveConfig('docs/api.md')), parser: 'markdown' });
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
function anchorsOf(entries: readonly EntryPoint[]): Map<ApiSymbol, string> {
  const used = new Map<string, number>([['api-reference', 1]]);
  const take = (name: string): string => {
    const count = used.get(slug(name)) ?? 0;
    used.set(slug(name), count + 1);
    return count === 0 ? slug(name) : `${slug(name)}-${count}`;
  };
  const anchors = new Map<ApiSymbol, string>();
  for (const { name, symbols } of entries) {
    take(name);
    for (const symbol of symbols) anchors.set(symbol, take(symbol.name));
  }
  return anchors;
}

function slug(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w-]/g, '');
}
