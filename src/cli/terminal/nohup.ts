import { constants } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { descriptorInfo } from '../../transfer/descriptor.ts';

/**
 * Whether `nohup` has started this process. Node.js takes back that it ignores SIGHUP, and nothing says so: but the shell
 * leaves the name of the program that it ran in `_`, and an input that was a terminal is open for writing only.
 */
export function isUnderNohup(): boolean {
  return path.basename(process.env['_'] ?? '') === 'nohup' || descriptorInfo(0)?.access === constants.O_WRONLY;
}
