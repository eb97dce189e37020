import { expect, test } from 'vitest';
import { labFile, start } from './chatosbot.ts';
import { ask, peer } from './peers.ts';
import { serverHere } from './server-here.ts';

/** A bot that answers with its version, and echoes on private connections with it. */
const version = (number: number): string => `
import { word } from './shared/word.ts';
export const onMessage = (message: any) => message.reply(\`v${number} \${word}: \${message.text}\`);
export const onPrivateRequest = () => true;
export async function onChannel(channel: any) {
  for await (const chunk of channel) channel.write(\`v${number} \${chunk}\`);
  channel.end();
}
`;

test('run --watch puts a newer version in place, while session and private connections go on', async () => {
  const { at, port } = await serverHere();
  const file = labFile('watched/live.ts', version(1));
  labFile('watched/shared/word.ts', "export const word = 'one';");
  const command = start(['run', file, '--server', at, '--watch']);
  await command.line(/^live: logged in/);
  const alice = await peer(port, 'alice');
  const { half } = await ask(alice, port, 'live');
  const echoed = async (text: string): Promise<string> => {
    half.write(text);
    return String(await new Promise((resolve) => half.once('data', resolve)));
  };
  expect(await echoed('a')).toBe('v1 a');

  labFile('watched/live.ts', version(2));
  await command.line(/^live: reloaded$/);
  alice.tell('live', 'hi');
  expect(await alice.next(4)).toMatchObject({ msg: 'v2 one: hi' });
  labFile('watched/shared/word.ts', "export const word = 'two';");
  await command.line(/^live: reloaded$/);
  alice.tell('live', 'hi');
  expect(await alice.next(4)).toMatchObject({ msg: 'v2 two: hi' });

  labFile('watched/shared/word.ts', 'export const word: string = ;');
  await command.line(/error .*live\.ts imports .*word\.ts:1:29: Unexpected token; the old version keeps running/);
  alice.tell('live', 'still?');
  expect(await alice.next(4)).toMatchObject({ msg: 'v2 two: still?' });
  labFile('watched/shared/word.ts', "export const word = 'three';");
  await command.line(/^live: reloaded$/);

  expect(await echoed('b')).toBe('v1 b');
  half.end();
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
  expect(command.stderr.match(/logged in/g)).toHaveLength(1);
});

test('run --watch answers each message once, whatever is changed meanwhile', async () => {
  const { at, port } = await serverHere();
  labFile('storm/shared/word.ts', "export const word = 'x';");
  const file = labFile('storm/storm.ts', version(0));
  labFile('storm/chatosbot.config.yaml', `bots: [./storm.ts]\nflood: false\nloopGuard: false\n`);
  const command = start(['run', file, '--server', at, '--watch', '--config', '../storm/chatosbot.config.yaml']);
  await command.line(/^storm: logged in/);
  const alice = await peer(port, 'alice');
  let said = 0;
  let reloads = 0;
  const answers: string[] = [];
  while (reloads < 5) {
    labFile('storm/storm.ts', version(reloads + 1));
    const reloaded = command.line(/^storm: reloaded$/).then(() => 'reloaded');
    let outcome: unknown;
    while (outcome !== 'reloaded') {
      alice.tell('storm', `#${++said}`);
      const answer = alice.next(4).then(({ msg }) => answers.push(msg));
      outcome = await Promise.race([reloaded, answer]);
      await answer;
    }
    reloads += 1;
  }
  alice.tell('storm', 'the last');
  expect(await alice.next(4)).toMatchObject({ msg: 'v5 x: the last' });
  expect(answers.map((text) => text.replace(/^v\d x: /, ''))).toEqual(
    Array.from({ length: said }, (_, index) => `#${index + 1}`),
  );
});
