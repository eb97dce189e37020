import { fstatSync } from 'node:fs';
import process from 'node:process';

/**
 * Standard input. Node takes a directory for an empty input; to the user it is a mistake.
 *
 * @throws an `EISDIR` error where it is a directory
 */
export function standardInput(): NodeJS.ReadStream {
  let isDirectory = false;
  try {
    isDirectory = fstatSync(0).isDirectory();
  } catch {
    // Closed: Node gives an empty input then, which is right.
  }
  if (isDirectory) throw Object.assign(new Error('is a directory'), { code: 'EISDIR', syscall: 'read' });
  return process.stdin;
}
