/** Modules of tests that run as processes of their own. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.join(ROOT, 'node_modules/.cache/chatosbot-tests');
/** Says where what is built lies: the workers of such a process are the built ones. */
const OWN_FILES = path.join(ROOT, 'dist/own-files.js');

/**
 * One file of a module in TypeScript and all that it needs from `src`, for `fork` or `spawn`: a process of it begins in a third of the
 * time that it takes to compile each module.
 */
export async function bundled(module: URL): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(module),
    platform: 'node',
    makeAbsoluteExternalsRelative: false,
    external: (id) => /^[^./]/.test(id),

    plugins: [
      {
        name: 'own files',
        resolveId: (id) => (id.endsWith('/own-files.ts') ? { id: OWN_FILES, external: true } : undefined),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  await bundle.close();
  const { code } = output[0];
  const name = path.basename(module.pathname, '.ts');
  // The same for all files of tests that start it, each of which may write it.
  const file = path.join(FOLDER, `${name}-${createHash('sha256').update(code).digest('hex').slice(0, 12)}.mjs`);
  await mkdir(FOLDER, { recursive: true });
  const unfinished = `${file}.${randomUUID()}`;
  await writeFile(unfinished, code);
  await rename(unfinished, file);
  return file;
}
