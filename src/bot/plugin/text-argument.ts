/**
 * Checks that a plugin passed a string: plugins may be JavaScript, and an undefined peer must not mean everyone.
 *
 * @throws {TypeError} if it is not a string: a bug of the plugin, which is logged with its trace
 */
export function textArgument(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`the ${name} must be a string, not ${value === null ? 'null' : typeof value}`);
}
