/** What Node.js looks for in `exports` and `imports` of packages, besides what it was started with. */
const BY_KIND = { import: ['node', 'import', 'module-sync'], require: ['node', 'require', 'module-sync'] };
const OPTION = /(?:^|\s)(?:-C|--conditions)(?:=|\s+)(\S+)/g;

/**
 * The conditions under which packages are resolved, as in Node.js with these options.
 *
 * @param options those of the command line, and of `NODE_OPTIONS`
 */
export function importConditions(by: 'import' | 'require', options = nodeOptions()): string[] {
  const own = [...options.matchAll(OPTION)].map(([, condition]) => condition!);
  return [...BY_KIND[by], ...(/(?:^|\s)--no-addons(?:\s|$)/.test(options) ? [] : ['node-addons']), ...own];
}

function nodeOptions(): string {
  return [process.env['NODE_OPTIONS'] ?? '', ...process.execArgv].join(' ');
}
