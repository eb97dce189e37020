import { stat } from 'node:fs/promises';
import process from 'node:process';
import { quote } from '../../util/quote.ts';
import { warn } from '../terminal/output.ts';

/** Once a process is enough. */
const warned = new Set<string>();

/** Warns where other users can read a file that has something private, as `a private key`. */
export async function warnOfReaders(file: string, what: string): Promise<void> {
  if (process.platform === 'win32' || warned.has(file)) return;
  const stats = await stat(file);
  if (!stats.isFile() || (stats.mode & 0o077) === 0) return;
  warned.add(file);
  const octal = (stats.mode & 0o777).toString(8).padStart(4, '0');
  warn(`other users can read ${file} (mode ${octal}), which has ${what}: chmod 600 ${quote(file)}`);
}
