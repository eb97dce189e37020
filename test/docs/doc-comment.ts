/** The doc comments of declarations, as data. */

const TAGS = ['param', 'returns', 'default', 'throws', 'example', 'deprecated', 'internal'] as const;

export type TagName = (typeof TAGS)[number];

export interface DocComment {
  /** What stands before the first tag, in Markdown. */
  readonly text: string;
  readonly tags: readonly { readonly name: TagName; readonly text: string }[];
}

/**
 * Parses a comment with its stars.
 *
 * @throws {Error} where it has a tag that is not known: it would not be shown as what it is
 */
export function parseDocComment(comment: string): DocComment {
  const body = comment.replace(/^\/\*\*|\*\/$/g, '').replaceAll(/^[ \t]*\*[ \t]?/gm, '');
  // A default may stand behind a sentence on the same line.
  const [text = '', ...rest] = `\n${body.trim()}`.split(/(?<=\n)(?=@)|(?<= )(?=@(?:default|internal)\b)/);
  const tags = rest.map((part) => {
    const [, name = '', said = ''] = /^@(\w+)(.*)$/s.exec(part)!;
    if (!TAGS.includes(name as TagName)) throw new Error(`@${name} is not a tag of ours, in: ${comment}`);
    return { name: name as TagName, text: said.replace(/^[ \t]+/, '').trim() };
  });
  return { text: text.trim(), tags };
}
