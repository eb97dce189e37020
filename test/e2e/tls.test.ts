import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { keepForFile } from '../support/command.ts';
import { days, issue, type Issued, type Wanted } from '../support/issued.ts';
import { failure, LAB, labFile, run, shell, start, startServer, type Options } from './chatosbot.ts';
import { serverHere } from './server-here.ts';

/** A server that needs no more than `serve` says; `pinned` is the address that it prints. */
async function startTls(args: readonly string[] = [], options: Options = {}) {
  const listen = args.includes('--listen') ? [] : ['--listen', 'tls://127.0.0.1:0'];
  const command = start(['serve', ...listen, ...args], options);
  const [, pinned, port] = await command.line(/listening on (tls:\/\/127\.0\.0\.1:(\d+)\S*)/);
  return { command, pinned: pinned!, port: Number(port), pin: /pin=([^&]+)/.exec(pinned!)?.[1] };
}

let authority: Issued;
let ca: string;
beforeAll(async () => {
  authority = await issue({ name: 'an authority', isAuthority: true });
  ca = labFile('ca.pem', authority.cert);
});

type Started = Awaited<ReturnType<typeof startTls>>;
let plain: Promise<Started> | undefined;

/** One that tests share, which leave it as it is. */
function sharedTls(): Promise<Started> {
  plain ??= startTls().then((started) => (keepForFile(started.command), started));
  return plain;
}

let servers = 0;
let issued: ReturnType<typeof startIssued> | undefined;

/** The same of one with a certificate of the authority for this machine. */
function sharedIssued(): ReturnType<typeof startIssued> {
  issued ??= startIssued({ ips: ['127.0.0.1'] }).then((started) => (keepForFile(started.command), started));
  return issued;
}

/** A server with a certificate of the authority. */
async function startIssued(wanted: Wanted) {
  const { cert, key, pin } = await issue({ by: authority, ...wanted });
  servers += 1;
  const files = [labFile(`server-${servers}.pem`, cert), labFile(`server-${servers}.key`, key)] as const;
  return { ...(await startTls(['--tls-cert', files[0], '--tls-key', files[1]])), pin, files };
}

const say = (server: string, ...more: readonly string[]) => start(['say', 'hello', '--server', server, ...more]);

/** A say that is refused: its exit code, and what it says. */
async function refusal(server: string): Promise<{ status: number | null; last: string }> {
  return failure(say(server));
}

describe('the address that a TLS server prints', () => {
  test('is all that a pipe needs at both ends', async () => {
    const { pinned } = await sharedTls();
    const listening = start(['pipe', '--listen', '--login', 'alice', '--server', pinned], { input: 'from alice' });
    await listening.line(/waiting for a private connection/);
    // Pasted into a shell, in quotes.
    const asking = shell(`echo from bob | chatosbot pipe alice --login bob --server '${pinned}'`);
    expect(await asking.exit()).toMatchObject({ status: 0, stdout: 'from alice' });
    expect(await listening.exit()).toMatchObject({ status: 0, stdout: 'from bob\n' });
  });

  test('is that of the same server from then on', async () => {
    const state = path.join(LAB, 'state-again');
    const first = await startTls(['--state', state]);
    first.command.kill('SIGTERM');
    await first.command.exit();
    expect((await startTls(['--state', state])).pin).toBe(first.pin);
  });

  test('of a server of the same configuration need not be given', async () => {
    const folder = path.dirname(labFile('same/chatosbot.config.yaml', 'bots: [./quiet.mjs]\n'));
    labFile('same/quiet.mjs', 'export const onStart = () => {};');
    const bots = start(['run', '--listen', 'tls://127.0.0.1:0'], { cwd: folder });
    const [, address] = await bots.line(/listening on (tls:\S+)/);
    await bots.line(/quiet: logged in as quiet on tls:/);
    const port = /:(\d+)\?/.exec(address!)![1]!;
    labFile('same/chatosbot.config.yaml', `serve: { listen: ['tls://127.0.0.1:${port}'] }\n`);
    expect(await run(['say', 'hello'], { cwd: folder })).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('a command exits with 77 and shows the address that would work', () => {
  test('where nobody vouches for the server', async () => {
    const { pinned, port } = await sharedTls();
    const { status, last } = await refusal(`tls://127.0.0.1:${port}`);
    expect({ status, last }).toEqual({
      status: 77,
      last:
        `chatosbot: the server at tls://127.0.0.1:${port} is not trusted: its certificate is signed by itself, and no authority ` +
        `vouches for it; to trust this server by its key, where you know that it is the right one, use '${pinned}'`,
    });
    expect(await say(pinned).exit()).toMatchObject({ status: 0, stderr: '' });
  });

  test.each<[string, Wanted, string, RegExp]>([
    ['of an authority that is not known here', { ips: ['127.0.0.1'] }, '', /an authority that is not known here/],
    [
      'for another name',
      { hosts: ['chat.test'] },
      'ca',
      /its certificate is for DNS:chat\.test, and not for 127\.0\.0\.1/,
    ],
    [
      'that is not valid yet',
      { ips: ['127.0.0.1'], from: days(2), to: days(3) },
      'ca',
      /its certificate is valid from .* only/,
    ],
  ])('where the certificate is one %s', async (_, wanted, trust, why) => {
    const { port, pin } = await startIssued(wanted);
    const { status, last } = await refusal(`tls://127.0.0.1:${port}${trust && `?ca=${ca}`}`);
    expect({ status, last }).toEqual({ status: 77, last: expect.stringMatching(why) as string });
    const [, address] = /use '([^']+)'$/.exec(last)!;
    expect(address).toBe(`tls://127.0.0.1:${port}?pin=${pin}`);
    expect(await say(address!).exit()).toMatchObject({ status: 0, stderr: '' });
  });

  test('where its certificate has expired', async () => {
    const { cert, key, pin } = await issue({ by: authority, ips: ['127.0.0.1'], from: days(-9), to: days(-3) });
    // A server of ours would not start with it.
    const server = tls.createServer({ cert, key }, (socket) => socket.on('error', () => undefined).end());
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { status, last } = await refusal(`tls://127.0.0.1:${port}?ca=${ca}`);
    expect({ status, last }).toEqual({
      status: 77,
      last: expect.stringContaining('its certificate has expired, on') as string,
    });
    expect(last.endsWith(`use 'tls://127.0.0.1:${port}?pin=${pin}'`)).toBe(true);
  });

  test('and a warning, where the key is not the pinned one', async () => {
    const [{ port, pinned }, { pin }] = await Promise.all([sharedTls(), issue()]);
    const { status, last } = await refusal(`tls://127.0.0.1:${port}?pin=${pin}`);
    expect({ status, last }).toEqual({ status: 77, last: expect.stringContaining(`Expected ${pin}`) as string });
    expect(last).toMatch(/^chatosbot: WARNING: the server at tls:\S+ has another key than the pinned one\./);
    expect(last.endsWith(`use '${pinned}'`)).toBe(true);
  });
});

test('a pipe that waits ends with 77 where its server has another key when somebody comes', async () => {
  const { command, port, pin, files } = await startIssued({ ips: ['127.0.0.1'] });
  const listening = start(['pipe', '--listen', '--login', 'alice', '--server', `tls://127.0.0.1:${port}?pin=${pin}`]);
  await listening.line(/waiting for a private connection/);
  const next = await issue({ by: authority, ips: ['127.0.0.1'] });
  for (const [index, text] of [next.cert, next.key].entries()) writeFileSync(files[index]!, text);
  command.kill('SIGHUP');
  await command.line(/reloaded/);
  start(['pipe', 'alice', '--login', 'bob', '--server', `tls://127.0.0.1:${port}?pin=${next.pin}`]);
  const { status, last } = await failure(listening);
  expect({ status, last }).toEqual({
    status: 77,
    last: expect.stringMatching(/^chatosbot: WARNING: .* another key than the pinned one/) as string,
  });
});

describe('a server of an authority is trusted', () => {
  test('by the file in the address', async () => {
    const { port } = await sharedIssued();
    expect(await say(`tls://127.0.0.1:${port}?ca=${ca}`).exit()).toMatchObject({ status: 0, stderr: '' });
  });

  test('by NODE_EXTRA_CA_CERTS, and the name in the address', async () => {
    const { port } = await startIssued({ hosts: ['chat.test'] });
    const env = { NODE_EXTRA_CA_CERTS: ca };
    const ended = await run(['say', 'hello', '--server', `tls://127.0.0.1:${port}?name=chat.test`], { env });
    expect(ended).toMatchObject({ status: 0, stderr: '' });
  });

  test('by bots, with the file beside their configuration, isolated ones too', async () => {
    const { port } = await sharedIssued();
    labFile('bots/ca.pem', authority.cert);
    labFile('bots/quiet.mjs', 'export const onStart = () => {};');
    labFile('bots/still.mjs', 'export const onStart = () => {};');
    const config = labFile(
      'bots/bots.yaml',
      `server: 'tls://127.0.0.1:${port}?ca=ca.pem'\nbots: [quiet.mjs, { path: still.mjs, isolate: worker }]\n`,
    );
    const bots = start(['run', '--config', config]);
    const lines = [bots.line(/quiet: (logged in) as quiet on tls:/), bots.line(/still: (logged in) as still on tls:/)];
    expect((await Promise.all(lines)).map(([, what]) => what)).toEqual(['logged in', 'logged in']);
  });
});

describe('an address that is mixed up exits with 69, and the message has the one to use', () => {
  test('with tcp:// at a TLS port', async () => {
    const { port } = await sharedTls();
    expect(await refusal(`127.0.0.1:${port}`)).toEqual({
      status: 69,
      last: `chatosbot: tcp://127.0.0.1:${port} speaks TLS: use tls://127.0.0.1:${port}`,
    });
  });

  test('with tls:// at a plain port', async () => {
    const { port } = await serverHere();
    const { status, last } = await refusal(`tls://127.0.0.1:${port}`);
    expect({ status, last }).toEqual({
      status: 69,
      last: expect.stringContaining(`use tcp://127.0.0.1:${port},`) as string,
    });
  });
});

describe('a bot whose server is not trusted', () => {
  test('does not start, and run exits with 77', async () => {
    const { port } = await sharedTls();
    const bot = labFile('quiet.mjs', 'export const onStart = () => {};');
    const { status, last } = await failure(start(['run', bot, '--server', `tls://127.0.0.1:${port}`]));
    expect({ status, last }).toEqual({ status: 77, last: expect.stringContaining('is not trusted') as string });
  });
});

describe('a login that is reserved for a key', () => {
  const home = path.join(LAB, 'home-alice');
  const env = { HOME: home };
  let pinned: string;
  let fingerprint: string;

  beforeAll(async () => {
    mkdirSync(home);
    const { stdout } = await run(['identity'], { env });
    fingerprint = stdout.trim();
    const rules = [`{ login: alice, identity: ['${fingerprint}'] }`, "{ login: '*' }"];
    const config = labFile('reserved.yaml', `serve: { logins: [${rules.join(', ')}] }\n`);
    ({ pinned } = await startTls(['--config', config, '--state', path.join(LAB, 'state-reserved')]));
    return () => rmSync(home, { recursive: true });
  });

  test('is given to its owner, for nothing but having the key', async () => {
    const ended = await run(['say', 'hello', '--server', pinned, '--login', 'alice'], { env });
    expect(ended).toMatchObject({ status: 0, stderr: '' });
  });

  test('is given to a bot with the file of the key', async () => {
    const file = path.join(home, '.config/chatosbot/identity.pem');
    const bot = labFile('alice.mjs', 'export const onStart = () => {};');
    for (const isolate of [[], ['--isolate']]) {
      const bots = start(['run', bot, '--server', pinned, '--identity', file, ...isolate]);
      await bots.line(/alice: logged in as alice/);
      bots.kill('SIGTERM');
      expect((await bots.exit()).status).toBe(0);
    }
  });

  test('is refused to a stranger, who is told what was shown', async () => {
    const nobody = await failure(say(pinned, '--login', 'alice'));
    const hint = 'no identity was shown, and the server may want one: chatosbot identity makes it';
    expect(nobody).toEqual({ status: 77, last: expect.stringContaining(hint) as string });
    const stranger = labFile('stranger.pem', '');
    rmSync(stranger);
    const { stdout: other } = await run(['identity', '--identity', stranger]);
    const somebody = await failure(say(pinned, '--login', 'alice', '--identity', stranger));
    expect(somebody).toEqual({
      status: 77,
      last: expect.stringContaining(`is not allowed to ${other.trim()}`) as string,
    });
  });

  test('is refused to its owner who shows nothing', async () => {
    const ended = await failure(start(['say', 'x', '--server', pinned, '--login', 'alice', '--no-identity'], { env }));
    expect(ended.status).toBe(77);
  });

  test('is refused to its owner over plain TCP, with the reason', async () => {
    const text = `serve: { logins: [{ login: alice, identity: 'sha256:${'A'.repeat(43)}' }] }\n`;
    const { at } = await startServer(['--config', labFile('plain-alice.yaml', text)]);
    const ended = await failure(start(['say', 'x', '--server', at, '--login', 'alice'], { env }));
    const last = expect.stringContaining('; no identity was shown, as the address is not tls://') as string;
    expect(ended).toEqual({ status: 77, last });
  });

  test('needs a file that can be read, else the exit code is 2', async () => {
    const ended = await failure(say(pinned, '--identity', '/nowhere/me.pem'));
    expect(ended).toEqual({ status: 2, last: 'chatosbot: /nowhere/me.pem does not exist' });
  });
});
