import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CLI, end } from './processes.ts';

/** A process with bots; one of them is logged in as `bot`. */
export interface BotProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Runs bots of a configuration, with these files beside it, without the limits against floods and loops. */
export function startBots(
  server: string,
  files: Readonly<Record<string, string>>,
  bots: readonly object[],
): Promise<BotProcess> {
  const config = JSON.stringify({ server, bots, flood: false, loopGuard: false });
  return startProcess({ ...files, 'chatosbot.config.json': config }, [CLI, 'run', '--log-level', 'error']);
}

/** Starts Node in a folder of its own with these files; resolves when it says that it is logged in as `bot`. */
export async function startProcess(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<BotProcess> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(cwd, name), text);
  const child: ChildProcess = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      said += String(chunk);
      if (/logged in as bot/.test(said)) resolve();
    });
    void once(child, 'exit').then(() => reject(new Error(`the bot did not start: ${said}`)));
  });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(cwd, { recursive: true, force: true });
  };
  return { pid: child.pid!, stop };
}
