import type { HandledMessage } from '../plugin/plugin.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';

/** Handles a message, with what the plugin has before and after that. */
export function handled(runner: PluginRunner, message: HandledMessage, run: () => unknown): unknown {
  const { before, after } = runner.plugin;
  // Most plugins have neither, and each message comes here.
  return before.length + after.length === 0 ? run() : around(runner, message, run);
}

async function around(
  { plugin: { before, after }, context }: PluginRunner,
  message: HandledMessage,
  run: () => unknown,
): Promise<void> {
  for (const each of before) {
    const verdict: unknown = await each(message, context);
    if (verdict === false) return;
  }
  const startedAt = performance.now();
  let error: unknown;
  try {
    await run();
  } catch (thrown) {
    error = thrown;
    throw thrown;
  } finally {
    const durationMs = performance.now() - startedAt;
    for (const each of after) await each({ ...message, durationMs, error }, context);
  }
}
