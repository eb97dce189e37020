import type { Running } from './start.ts';

/** Stops everything that was started, bots before their server; hooks and private connections get `drainMs` in all. */
export async function stopRun(running: Running, drainMs: number): Promise<void> {
  const { watcher, runtime, server, recorder, status } = running;
  const deadline = Date.now() + drainMs;
  await Promise.all([watcher?.close(), runtime?.stop({ timeoutMs: drainMs })]);
  await server?.close({ drainMs: Math.max(deadline - Date.now(), 0) });
  await recorder?.close();
  await status?.close();
}

/** Breaks all connections: a process that just exits would end its channels with FIN, as if all had been said. */
export function abortRun({ server, runtime }: Running): void {
  server?.abort();
  runtime?.abort();
}
