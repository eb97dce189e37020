/**
 * What a plugin hands over as a text: it need not be TypeScript, and a peer that is `undefined` must not become everyone.
 *
 * @throws {TypeError} where it is something else: a bug of the plugin, to be told with its trace
 */
export function textArgument(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`the ${name} must be a string, not ${value === null ? 'null' : typeof value}`);
}
