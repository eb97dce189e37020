import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Command } from '../support/command.ts';
import { ownPort } from '../support/own-port.ts';
import { LAB, labFile, start, startServer } from './chatosbot.ts';
import { ask, fate, peer } from './peers.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
  labFile('bots/note.txt', '');
  copyFileSync(new URL('../../bots/echo.ts', import.meta.url), path.join(LAB, 'bots', 'echo.ts'));
});

/** A bot that answers `fail` with what is given, and anything else with `fine`. */
async function startFailing(login: string, failure: string): Promise<Command> {
  const lines = [
    `import type { Message } from 'chatosbot';`,
    `interface Nothing { readonly of: 'importance' }`,
    ``,
    `export async function onMessage(message: Message): Promise<void> {`,
    `  const thing: Nothing | undefined = undefined;`,
    `  if (message.text === 'fail') { ${failure} }`,
    `  else await message.reply('fine');`,
    `}`,
  ];
  const file = labFile(`bots/${login}.ts`, `${lines.join('\n')}\n`);
  const command = start(['run', file, '--server', at]);
  await command.line(/logged in as/);
  return command;
}

/** Makes a bot fail, and sees that it goes on. */
async function provoke(login: string): Promise<void> {
  const alice = await peer(port, `${login}-user`);
  alice.tell(login, 'fail');
  alice.tell(login, 'still there?');
  expect(await alice.next(4)).toMatchObject({ sender: login, msg: 'fine' });
}

test('run logs what a hook throws, with plugin, hook, peer and the line of the .ts file', async () => {
  const command = await startFailing('thrower', `throw new TypeError('oh no');`);
  await provoke('thrower');
  const { input } = await command.line(/onMessage failed: oh no/);
  expect(input).toMatch(
    / error onMessage failed: oh no login=thrower plugin=thrower hook=onMessage peer=thrower-user$/,
  );
  await command.line(/thrower\.ts:6:\d+/);
});

test('run logs a promise that a hook forgot, with its .ts line, and goes on', async () => {
  const command = await startFailing('forgetful', `void Promise.reject(new Error('nobody awaits me'));`);
  await provoke('forgetful');
  const { input } = await command.line(/uncaught: nobody awaits me/);
  expect(input).toMatch(/plugin=forgetful hook=onMessage peer=forgetful-user$/);
  await command.line(/forgetful\.ts:6:\d+/);
});

test('run logs what a timer of a plugin throws, with its .ts line, and goes on', async () => {
  const command = await startFailing('timed', `setTimeout(() => { throw new Error('too late'); }, 1);`);
  await provoke('timed');
  const { input } = await command.line(/uncaught: too late/);
  expect(input).toMatch(/plugin=timed hook=onMessage/);
  await command.line(/timed\.ts:6:\d+/);
});

test('run logs what a timer throws that a plugin set at its top with the plugin, and counts it against it', async () => {
  const file = labFile(
    'bots/ticking.ts',
    `let runs = false;
export const onStart = () => { runs = true; };
setInterval(() => { if (runs) throw new Error('tick'); }, 1);
`,
  );
  const command = start(['run', file, '--server', at]);
  const { input } = await command.line(/uncaught: tick login/);
  expect(input).toMatch(/ login=ticking plugin=ticking hook="code outside of hooks"$/);
  await command.line(/suspended for 30 s.* plugin=ticking/);
  await command.line(/too many failures: further failures are not logged login=ticking/);
});

test('run tells which plugin ends the process while it is loaded', async () => {
  const file = labFile('bots/quitter.ts', `export const onMessage = () => undefined;\nprocess.exit(0);\n`);
  const { status, stderr } = await start(['run', file, '--server', at]).exit();
  expect(stderr).toMatch(/^chatosbot: \S*quitter\.ts ended the process with process\.exit\(0\); isolate: worker/);
  expect(status).toBe(1);
});

test('run logs for a machine in lines that are JSON each, failures of plugins included', async () => {
  const file = labFile(
    'bots/noisy.ts',
    "export const onStart = (): void => { setTimeout((): void => { throw new Error('from a timer'); }, 1); throw new Error('from a hook'); };",
  );
  const command = start(['run', file, '--listen', '127.0.0.1:0', '--log-format', 'json']);
  await command.line(/from a hook/);
  await command.line(/from a timer/);
  command.kill('SIGTERM');
  const { status, stdout, stderr } = await command.exit();
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  const events = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { message: string; stack?: string });
  for (const [message, place] of [
    ['onStart failed: from a hook', '1:109'],
    ['uncaught: from a timer', '1:69'],
  ] as const) {
    const event = events.find((one) => one.message === message);
    expect(event).toMatchObject({
      level: 'error',
      stack: expect.stringMatching(new RegExp(`noisy\\.ts:${place}\\)?\n`)),
    });
  }
});

test('run tells which bot has ended the process', async () => {
  const command = await startFailing('leaver', `process.exit(0);`);
  const alice = await peer(port, 'leaver-user');
  alice.tell('leaver', 'fail');
  const { status, stderr } = await command.exit();
  expect(stderr).toMatch(
    /^chatosbot: leaver \(onMessage\) ended the process with process\.exit\(0\); isolate: worker/m,
  );
  expect(status).toBe(1);
});

test('run has nothing of what bots print in its own output', async () => {
  const command = await startFailing('printer', `console.log('printed');`);
  await provoke('printer');
  await command.line(/^printed$/);
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0, stdout: '' });
});

test('run logs things that are no errors, when they are thrown', async () => {
  const command = await startFailing('odd', `throw 'just a text';`);
  await provoke('odd');
  const { input } = await command.line(/onMessage failed/);
  expect(input).toMatch(/ onMessage failed: just a text login=odd plugin=odd /);
});

test('run breaks the private connection whose onChannel fails, and no other', async () => {
  const file = labFile(
    'bots/fragile.ts',
    `let count = 0;
     export const onPrivateRequest = () => true;
     export function onChannel(channel: import('chatosbot').Channel) {
       if (++count === 2) throw new Error('not this one');
       channel.pipe(channel);
     }`,
  );
  const command = start(['run', file, '--server', at]);
  await command.line(/logged in as fragile/);
  const alice = await peer(port, 'fragile-user');
  const { half: first } = await ask(alice, port, 'fragile');
  const { half: second } = await ask(alice, port, 'fragile');
  expect(await fate(second)).toBe('reset');
  await command.line(/onChannel failed: not this one .*peer=fragile-user/);
  const end = fate(first);
  first.end('bye');
  expect(await end).toBe('end');
});

test('run ends with 77 where a login is taken, and says whose', async () => {
  await peer(port, 'taken');
  const ended = await start(['run', '../bots/echo.ts', '--server', at, '--login', 'taken']).exit();
  expect(ended).toMatchObject({
    status: 77,
    stdout: '',
    stderr: `chatosbot: tcp://${at} refused the login 'taken': it is taken, looks like one in use, cannot be granted now by a cluster, or is not allowed\n`,
  });
});

test('run --standby waits until the login is free', async () => {
  const holder = await peer(port, 'coveted');
  const command = start(['run', '../bots/echo.ts', '--server', at, '--login', 'coveted', '--standby']);
  await command.line(/standing by: the login is taken login=coveted/);
  holder.destroy();
  expect(await command.line(/^echo: logged in as/)).toMatchObject({ input: expect.stringContaining('coveted') });
});

test('run keeps trying while there is no server, and gets in when it comes', async () => {
  const later = await ownPort();
  const command = start(['run', '../bots/echo.ts', '--server', `127.0.0.1:${later}`]);
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await command.line(/ warn {2}cannot connect to .*: connection refused; is the server running\?; retrying in \d/);
  }
  const server = start(['serve', '--listen', `127.0.0.1:${later}`]);
  await command.line(/^echo: logged in as echo on /);
  server.kill('SIGTERM');
  await command.line(/ warn {2}.*retrying in/);
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('run gets in again when the server was restarted', async () => {
  const first = await startServer();
  const command = start(['run', '../bots/echo.ts', '--server', first.at]);
  await command.line(/^echo: logged in as echo/);
  first.command.kill('SIGKILL');
  await command.line(/retrying in/);
  start(['serve', '--listen', first.at]);
  expect(await command.line(/logged in as echo/)).toMatchObject({ input: expect.stringContaining(first.at) });
});
