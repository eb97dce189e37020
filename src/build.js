// Builds dist/: what tsc makes of src/, and the quick compiler's Sucrase as one file: it is loaded in a third of the time
// of its own 65, at every start of a bot whose compiled copy is not kept, and brings no packages into an install.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'rolldown';

const require = createRequire(import.meta.url);
const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);
rmSync('dist', { recursive: true, force: true });

const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc');
try {
  execFileSync(process.execPath, [tsc, '-p', 'src'], { stdio: 'inherit' });
} catch (error) {
  process.exit(error.status);
}
chmodSync('dist/cli/main.js', 0o755);

const { output } = await build({
  input: 'src/sucrase.js',
  platform: 'node',
  logLevel: 'warn',
  output: { file: 'dist/vendor/sucrase.cjs', format: 'cjs', minify: true },
});
const packages = new Set(output[0].moduleIds.map((id) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(id)?.[0] ?? ''));
packages.delete('');
const licences = Array.from(packages, (folder) => {
  const { name, version } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'));
  return `${name} ${version}\n\n${readFileSync(`${folder}LICENSE`, 'utf8').trim()}\n`;
});
writeFileSync('dist/vendor/sucrase.LICENSE', licences.toSorted().join('\n\n'));
