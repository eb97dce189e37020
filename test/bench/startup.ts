import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compare, median, type Contender, type Figures } from './measure.ts';
import { CLI, startChatos, type Running } from './servers/processes.ts';

const RUNS = 10;
const ECHO = path.resolve(import.meta.dirname, '../../bots/echo.ts');

/** How long until a command has done what it is for: in a new process, with its compiled plugins kept or not. */
export async function benchStartup(rounds: number): Promise<void> {
  const server = await startChatos();
  try {
    const contenders: Contender[] = [
      { name: 'node -e 0', run: () => repeat(() => untilExit(['-e', '0'])) },
      { name: 'chatosbot --version', run: () => repeat(() => untilExit([CLI, '--version'])) },
      { name: 'run echo.ts, warm', run: () => withCache((cache) => repeat(() => untilLoggedIn(server, cache), 1)) },
      { name: 'run echo.ts, cold', run: () => repeat(() => withCache((cache) => untilLoggedIn(server, cache))) },
    ];
    await compare(`start-up, ${RUNS} runs each`, contenders, rounds);
  } finally {
    await server.stop();
  }
}

/** @param unmeasured runs that come before */
async function repeat(run: () => Promise<number>, unmeasured = 0): Promise<Figures> {
  const times: number[] = [];
  for (let i = -unmeasured; i < RUNS; i++) {
    const ms = await run();
    if (i >= 0) times.push(ms);
  }
  return { 'ms (p50)': median(times), 'ms (least)': Math.min(...times) };
}

async function untilExit(args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  await once(spawn(process.execPath, args, { stdio: 'ignore' }), 'exit');
  return performance.now() - startedAt;
}

async function untilLoggedIn({ port }: Running, cache: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, 'run', ECHO, '--login', 'echo', '--server', `127.0.0.1:${port}`], {
    cwd: cache,
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  for await (const chunk of child.stderr) {
    said += String(chunk);
    if (said.includes('logged in as echo')) break;
  }
  const ms = performance.now() - startedAt;
  if (!said.includes('logged in')) throw new Error(said);
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return ms;
}

async function withCache<T>(run: (cache: string) => Promise<T>): Promise<T> {
  const cache = mkdtempSync(path.join(tmpdir(), 'chatosbot-bench-'));
  try {
    return await run(cache);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}
