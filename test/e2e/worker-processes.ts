/** The processes of a server that is several. */
import { readFileSync } from 'node:fs';
import { EXEMPTING, LAB, start } from './chatosbot.ts';

/** The worker processes of a primary. */
export function workersOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** Whether a process runs. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A server of two workers. Its folder is in the lab's. */
export async function startTwo(args: readonly string[] = [], config = EXEMPTING) {
  const options = ['--workers', '2', '--listen', '127.0.0.1:0', '--config', config, ...args];
  const command = start(['serve', ...options], { env: { TMPDIR: LAB } });
  const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/);
  return { command, port: Number(port), workers: () => workersOf(command.pid) };
}
