import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ChatosError } from '../../errors.ts';
import { PACKAGE_FOLDER } from '../../own-files.ts';
import { packageVersion } from '../../util/version.ts';

const ROOT = fileURLToPath(PACKAGE_FOLDER);

/** The folder of a project that has a copy of this package. */
const VENDOR = 'vendor';

/**
 * What a project has to depend on, to get this version: it alone, where npm has got it from a registry; else a copy, made
 * by `npm pack` into the project, which works on all machines to which that is brought.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where npm cannot make it
 */
export async function dependOnOwnPackage(project: string, signal: AbortSignal): Promise<string> {
  if (await isFromRegistry()) return `^${packageVersion()}`;
  const folder = path.join(project, VENDOR);
  try {
    await mkdir(folder);
    const args = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder, ROOT];
    const { stdout } = await promisify(execFile)('npm', args, { signal });
    return `file:${VENDOR}/${stdout.trim().split('\n').at(-1)}`;
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { readonly stderr?: string };
    const [said = String(code)] = /^npm error (?!code|syscall|errno|path).*$/m.exec(stderr) ?? [];
    const why = code === 'ENOENT' ? 'there is no npm' : said.replace(/^npm error (?:[a-z]+ (?=[A-Z]))?/, '');
    throw new ChatosError('INVALID_ARGUMENT', `npm cannot pack chatosbot for the project: ${why}`, { cause: error });
  }
}

/** Whether npm has installed this package from a registry, as it notes beside it. */
async function isFromRegistry(): Promise<boolean> {
  try {
    const text = await readFile(path.join(ROOT, '..', '.package-lock.json'), 'utf8');
    const { packages } = JSON.parse(text) as { packages: Record<string, { resolved?: string } | undefined> };
    return packages[`node_modules/${path.basename(ROOT)}`]?.resolved?.startsWith('http') === true;
  } catch {
    return false;
  }
}
