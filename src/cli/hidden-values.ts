/** Options whose values are nobody's business, whatever they look like. */
const SECRET_OPTION = /^--?[\w-, ]*(?:secret|code|password|token)/;

const INVALID =
  /^((?:error: )?option '([^']*)' (?:argument|value) ')([^]*?)('(?: from env '\w+')? is invalid\. )([^]*)$/;

/** An unknown option with a value: it may be the misspelt name of one that takes a credential. */
const UNKNOWN = /^((?:error: )?unknown option '-[^'=]*=)[^]*(')/;

/**
 * The message of an option that is unknown, without its value, or of one whose value is invalid, without what may be a
 * credential in that: what stands before an `@`, as in `nats://user:password@host`, or all of it.
 */
export function withoutCredentials(message: string): string {
  const [, before = '', option = '', value = '', behind = '', reason = ''] = INVALID.exec(message) ?? [];
  if (value === '') return message.replace(UNKNOWN, '$1…$2');
  if (SECRET_OPTION.test(option)) return `${before}…${behind}${reason.replaceAll(value, '…')}`;
  // The reason may name a part of it.
  const shown = reason.replaceAll(value, () => hidden(value)).replace(/(\w+:\/\/)?[^'\s]*@/g, '$1…@');
  return `${before}${hidden(value)}${behind}${shown}`;
}

/** The text without what is before its last `@`, but for the scheme. */
function hidden(text: string): string {
  return text.replace(/^(\s*\w+:\/\/)?[^]*@/, '$1…@');
}
