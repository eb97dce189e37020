import { expect, it, vi } from 'vitest';
import { joinAs, startBots, startServer } from '../../support/bot-world.ts';
import { loadIsolated } from '../../support/isolated-bots.ts';

vi.setConfig({ testTimeout: 60_000 });

it('answers', async () => {
  const server = await startServer();
  const t = Date.now();
  const { plugin } = await loadIsolated(`
    import { defineBot } from 'chatosbot';
    export default defineBot({
      onMessage: (m) => m.reply('you said ' + m.text),
    });`);
  console.log('loaded', Date.now() - t, plugin);
  const { log } = await startBots(server, [{ plugin }]);
  const alice = await joinAs(server, 'alice');
  alice.tell('bot', 'hi');
  expect(await alice.next(4)).toMatchObject({ msg: 'you said hi' });
  console.log(plugin.isolation, log.lines);
});
