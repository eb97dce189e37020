import type { HandledMessage } from '../plugin/plugin.ts';
import type { PluginRunner } from '../running/plugin-runner.ts';

/** Handles a message, with what the plugin has before and after that. */
export function handled(runner: PluginRunner, message: HandledMessage, run: () => unknown): unknown {
  const { before, after } = runner.plugin;
  // Most plugins have neither, and each message comes here.
  return before.length + after.length === 0 ? run() : around(runner, message, run);
}

async function around(runner: PluginRunner, message: HandledMessage, run: () => unknown): Promise<void> {
  const {
    plugin: { before, after },
    context,
  } = runner;
  for (const each of before) {
    const verdict: unknown = await each(message, context);
    if (verdict === false) return;
  }
  const startedAt = performance.now();
  const thrown: unknown[] = [];
  const attempt = async (what: () => unknown): Promise<void> => {
    try {
      await what();
    } catch (error) {
      thrown.push(error);
    }
  };
  await attempt(run);
  const ended = { ...message, durationMs: performance.now() - startedAt, error: thrown[0] };
  for (const each of after) await attempt(() => each(ended, context));
  if (thrown.length === 0) return;
  // The first one is that of the call: what comes after must not hide it.
  for (const error of thrown.slice(1)) runner.uncaught(error, 'after', message.message.from);
  throw thrown[0];
}
