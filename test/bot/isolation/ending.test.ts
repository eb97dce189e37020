import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished, vi } from 'vitest';
import { tempDirectory, writeText } from '../../support/bot-files.ts';
import { joinAs, startServer } from '../../support/bot-world.ts';
import { bundled } from '../../support/bundled.ts';
import { ISOLATED_TIMEOUT_MS, startIsolated } from '../../support/isolated-bots.ts';

vi.setConfig({ testTimeout: ISOLATED_TIMEOUT_MS });

const PROGRAM = await bundled(new URL('ending-process.ts', import.meta.url));

/** Blocks for ever, and costs no processor. */
const BLOCK = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';

const echo = `
  export const onPrivateRequest = () => true;
  export const onChannel = (channel) => void channel.pipe(channel);
`;

async function run(): Promise<{ status: unknown; said: unknown }> {
  const file = await writeText(await tempDirectory(), 'echo.ts', echo);
  const child = spawn(process.execPath, [PROGRAM, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { status, said: JSON.parse(said) as unknown };
}

it('after reloads with open channels there is one worker, after the end none, and the process ends by itself', async () => {
  const { status, said } = await run();
  expect(said).toMatchObject({ answers: ['round 0', 'round 1', 'round 2', 'round 3'], same: true, left: {} });
  expect(status).toBe(0);
});

it('a plugin that blocks when it is to stop is ended when its time is up', async () => {
  const server = await startServer();
  const { group, log, status } = await startIsolated(
    server,
    `export const onStop = () => { ${BLOCK} }; export const onStart = (bot) => bot.log.info('started');`,
  );
  await log.until(/^started$/);
  await group.stop({ timeoutMs: 100 });
  expect(status().isolation).toMatchObject({ running: false, restarts: 0 });
});

it('a second stop does not wait for a plugin that blocks', async () => {
  const server = await startServer();
  const { group, log } = await startIsolated(
    server,
    `export const onStop = () => { ${BLOCK} }; export const onStart = (bot) => bot.log.info('started');`,
  );
  await log.until(/^started$/);
  void group.stop({ timeoutMs: 1_000_000 });
  await expect(group.stop()).resolves.toBeUndefined();
});

it('a plugin whose hook has not finished when its time is up has not failed', async () => {
  const server = await startServer();
  const { group, log } = await startIsolated(
    server,
    `export const onMessage = (_, bot) => { bot.log.info('begun'); return new Promise(() => {}); };`,
  );
  const alice = await joinAs(server, 'alice');
  alice.tell('bot', 'hello');
  await log.until(/^begun$/);
  await group.stop({ timeoutMs: 50 });
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(await log.until(/still running/)).toMatchObject({ fields: { hooks: 'bot onMessage' } });
});
