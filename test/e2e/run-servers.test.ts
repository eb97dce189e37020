import { describe, expect, test } from 'vitest';
import { labFile, start } from './chatosbot.ts';
import { peer } from './peers.ts';
import { serverHere } from './server-here.ts';

const NAMING = 'export const onMessage = (message, bot) => message.reply(`${bot.login} hears ${message.text}`);';

describe('run, with several accounts and servers in one configuration', () => {
  test('puts each bot on its own server and account, and stops them all in order', async () => {
    const [one, two] = [await serverHere(), await serverHere()];
    labFile('several/bot.mjs', NAMING);
    labFile(
      'several/chatosbot.config.yaml',
      `server: ${one.at}
bots:
  - { path: ./bot.mjs, login: first }
  - { path: ./bot.mjs, login: second, server: '${two.at}' }
  - { path: ./bot.mjs, login: third, server: embedded }
  - { path: ./bot.mjs, login: first, server: '${two.at}' }
serve: { listen: ['127.0.0.1:0'] }
`,
    );
    const command = start(['run', '--config', '../several/chatosbot.config.yaml']);
    const [, own] = await command.line(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)$/);
    for (const [login, port] of [
      ['first', one.port],
      ['second', two.port],
      ['third', Number(own)],
      ['first', two.port],
    ] as const) {
      await command.line(new RegExp(`^bot: logged in as ${login} on tcp://127\\.0\\.0\\.1:${port}$`));
      const alice = await peer(port, `alice-${login}`);
      alice.tell(login, 'hi');
      expect(await alice.next(4)).toMatchObject({ sender: login, msg: `${login} hears hi` });
    }
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0 });
  });

  test('ends with 77 and says which account was refused where one is at the start', async () => {
    const { at, port } = await serverHere();
    await peer(port, 'taken');
    labFile('refused/bot.mjs', NAMING);
    labFile(
      'refused/chatosbot.config.yaml',
      `server: ${at}\nbots:\n  - { path: ./bot.mjs, login: free }\n  - { path: ./bot.mjs, login: taken }\n`,
    );
    const ended = await start(['run', '--config', '../refused/chatosbot.config.yaml']).exit();
    expect(ended).toMatchObject({ status: 77 });
    expect(ended.stderr).toMatch(/^chatosbot: tcp:\/\/\S+ refused the login 'taken'/m);
  });

  test('ends with 2 and tells all that is wrong with any of them before it connects', async () => {
    const { at } = await serverHere();
    labFile('wrong/a.mjs', 'export const onStart = ( => 1;');
    labFile('wrong/b.mjs', 'throw new Error("no");');
    labFile('wrong/chatosbot.config.yaml', `server: ${at}\nbots: [./a.mjs, ./b.mjs, ./c.mjs]\n`);
    const ended = await start(['run', '--config', '../wrong/chatosbot.config.yaml']).exit();
    expect(ended.status).toBe(2);
    expect(ended.stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^chatosbot: .*a\.mjs:1:26: Unexpected token$/),
      expect.stringMatching(/b\.mjs:1:7: no$/),
      expect.stringMatching(/c\.mjs: no such file$/),
    ]);
  });

  test('ends on a signal while a plugin does not finish loading', async () => {
    const file = labFile('endless/never.mjs', "process.stderr.write('begun\\n');\nawait new Promise(() => {});\n");
    const command = start(['run', file, '--server', '127.0.0.1:1']);
    await command.line(/^begun$/);
    command.kill('SIGTERM');
    expect(await command.exit(5_000)).toMatchObject({ status: 0, stderr: 'begun\nstopping on SIGTERM\nstopped\n' });
  });
});
