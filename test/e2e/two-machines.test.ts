import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { CutNetwork, whyNoNamespaces, type Machine } from '../support/cut-network.ts';
import { endCommands, type Command, type Ended } from '../support/command.ts';
import { commandFolder, failure, LAB, labFile, startProgram, type Options } from './chatosbot.ts';

const CHATOSBOT = path.join(commandFolder(), 'chatosbot');
/** A dead link is noticed within a second or two. */
const QUICK = labFile('quick/chatosbot.config.json', JSON.stringify({ heartbeatMs: 1_000 }));

let network: CutNetwork | undefined;
afterAll(async () => {
  await endCommands();
  network?.remove();
});

/** Runs a command on a machine, as the user of that machine: with a home of its own. */
function startOn(machine: Machine, args: readonly string[], options: Options = {}): Command {
  const home = path.join(LAB, machine);
  mkdirSync(home, { recursive: true });
  return startProgram('ip', [...network!.on(machine), CHATOSBOT, ...args], { ...options, env: { HOME: home } });
}

const runOn = (machine: Machine, args: readonly string[], options?: Options): Promise<Ended> =>
  startOn(machine, args, options).exit();

it('machines that cannot reach each other meet at a server over TLS, by its pasted address', async ({ skip }) => {
  const why = whyNoNamespaces();
  skip(why !== undefined, why);
  network = new CutNetwork();
  const fingerprint = (await runOn('near', ['identity'])).stdout.trim();
  const config = labFile(
    'server.yaml',
    `serve:
  listen: ["tls://${network.address('server')}:7777"]
  logins: [{ login: alice, identity: ['${fingerprint}'] }, { login: '*' }]
`,
  );
  const control = path.join(LAB, 'control.sock');
  const server = startOn('server', ['serve', '--config', config, '--control', control]);
  const [, at] = await server.line(/^listening on (tls:\S+\?pin=sha256:\S+)$/);
  const to = ['--server', at!];
  const ctl = (...words: string[]): Promise<Ended> => runOn('server', ['ctl', ...words, '--control', control]);

  // Both ways, over the address as the server has printed it.
  const answering = startOn('far', ['pipe', '--listen', '--login', 'bob', ...to], { input: 'from the far machine\n' });
  await answering.line(/waiting for/);
  const pipe = ['pipe', 'bob', '--login', 'alice', ...to];
  const both = await runOn('near', pipe, { input: 'from the near machine\n' });
  expect(both).toMatchObject({ status: 0, stdout: 'from the far machine\n' });
  expect(await answering.exit()).toMatchObject({ status: 0, stdout: 'from the near machine\n' });

  // A login of a key is nobody else's, even where it is free, and whatever key they have.
  await runOn('far', ['identity']);
  const thief = await failure(startOn('far', ['say', 'hello', '--login', 'alice', ...to]));
  expect(thief).toEqual({ status: 77, last: expect.stringContaining('alice') as string });
  const wrongPin = at!.replace(/sha256:.*/, `sha256:${'A'.repeat(43)}`);
  const stranger = await failure(startOn('far', ['say', 'hello', '--login', 'carol', '--server', wrongPin]));
  expect(stranger).toEqual({ status: 77, last: expect.stringContaining(at!) as string });

  // The link goes down and comes up again: who listens is there again, by the same login.
  const listener = startOn('far', ['pipe', '--listen', '--keep', '--login', 'bob', '--config', QUICK, ...to]);
  await listener.line(/waiting for/);
  // It has the answer to its first question then: without one, silence would prove nothing.
  expect(await runOn('near', pipe, { input: 'before the link was down\n' })).toMatchObject({ status: 0 });
  await listener.line(/before the link was down/, 'stdout');
  network.cut();
  await listener.line(/trying again: .* is silent/);
  network.mend();
  await listener.line(/logged in again as bob/);
  expect(await runOn('near', pipe, { input: 'after the link was down\n' })).toMatchObject({ status: 0 });
  await listener.line(/after the link was down/, 'stdout');

  // Who is sent away may come back; who is banned may not, nor may others of that machine.
  const chat = startOn('far', ['chat', '--login', 'carol', ...to], { input: 'open' });
  await chat.line(/logged in as carol/);
  expect(await ctl('kick', 'carol')).toMatchObject({ status: 0 });
  expect((await failure(chat)).status).toBe(75);
  expect(await runOn('far', ['say', 'back', '--login', 'carol', ...to])).toMatchObject({ status: 0 });
  expect(await ctl('ban', network.address('far'), '--for', '1h')).toMatchObject({ status: 0 });
  await listener.line(/trying again: /);
  const banned = await failure(startOn('far', ['say', 'hello', '--login', 'carol', ...to]));
  expect(banned).toEqual({
    status: 69,
    last: expect.stringContaining('from this address (its log says why)') as string,
  });
  expect(await runOn('near', ['say', 'hello', '--login', 'alice', ...to])).toMatchObject({ status: 0 });
  expect(await ctl('unban', network.address('far'))).toMatchObject({ status: 0 });
  await listener.line(/logged in again as bob/);
});
