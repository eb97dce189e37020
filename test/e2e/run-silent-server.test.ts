import { describe, expect, test } from 'vitest';
import { labFile, start, startServer } from './chatosbot.ts';
import { peer } from './peers.ts';

describe('a server that is stopped', () => {
  test.each(['', '--isolate', '--standby'])(
    'is noticed by `run %s`, which is back when the server is',
    async (flag) => {
      const { command: server, port, at } = await startServer();
      labFile('silent/echo.mjs', 'export const onMessage = (message) => message.reply(message.text);');
      const config = labFile('silent/chatosbot.config.yaml', `server: ${at}\nheartbeatMs: 1000\nbots: [./echo.mjs]\n`);
      const bot = start(['run', '--config', config, ...(flag === '' ? [] : [flag]), '--status', '127.0.0.1:0']);
      const [, url] = await bot.line(/^status on (http:\S+)$/);
      await bot.line(/logged in as echo/);
      const ready = (): Promise<Response> => fetch(`${url}/readyz`);
      expect((await ready()).status).toBe(200);
      const alice = await peer(port, 'alice');
      alice.tell('echo', 'hello');
      await alice.next(4);

      server.kill('SIGSTOP');
      const [, why] = await bot.line(/(tcp:\S+ is silent: nothing has come for 2 s, not even an answer); retrying in/);
      const problem = async (): Promise<string> => (await ready()).text();
      await expect.poll(problem).toContain(`echo on tcp://${at}: connecting`);
      expect(why).toContain(at);

      server.kill('SIGCONT');
      await bot.line(/logged in as echo/);
      await expect.poll(ready).toMatchObject({ status: 200 });
      alice.tell('echo', 'are you there?');
      expect(await alice.next(4)).toMatchObject({ msg: 'are you there?' });
    },
    60_000,
  );
});
