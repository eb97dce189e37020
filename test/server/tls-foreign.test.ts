/** Peers over TLS that are not made with Node.js: Python's ssl, and openssl. They are skipped where they are not installed. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testCertificate } from '../support/certificates.ts';
import { long, packet, str } from '../support/rfc-peer.ts';
import { agree, Rig, WIDTHS } from '../support/server-rig.ts';
import { halfTls } from '../support/tls-clients.ts';
import { within, readExactly } from '../support/server-sockets.ts';

const isMissing = (command: string, ...args: string[]): boolean => spawnSync(command, args).status !== 0;
const NO_PYTHON = isMissing('python3', '-c', 'import ssl');
const NO_OPENSSL = isMissing('openssl', 'version');

/** Sends what its input says in hex, reads so many bytes, prints them, and ends in order or not. */
const PYTHON = `
import socket, ssl, sys
port, ca, sends, reads, how = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
raw = socket.create_connection(("127.0.0.1", int(port)))
peer = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
peer.sendall(bytes.fromhex(sends))
got = b""
while len(got) < int(reads):
    got += peer.recv(int(reads) - len(got))
sys.stdout.write(got.hex() + " ")
if how == "until end":
    peer.sendall(b"!")
    try:
        sys.stdout.write("end" if peer.recv(1) == b"" else "bytes")
    except (ssl.SSLError, ConnectionError) as error:
        sys.stdout.write("cut")
elif how == "end":
    peer.unwrap()
    sys.stdout.write("ended")
elif how == "cut":
    raw = peer.detach()
    sys.stdout.write("left")
`;

async function caFile(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatosbot-foreign-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'ca.pem');
  writeFileSync(file, (await testCertificate()).cert);
  return file;
}

/** What a program prints. */
function printed(command: string, args: readonly string[], input?: Buffer): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill());
  let said = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  if (input) child.stdin.write(input);
  const done = new Promise<string>((resolve) => {
    child.once('close', (status) => resolve(status === 0 ? said : `${said} (${status}: ${errors})`));
  });
  return within(done, `${command} ${args.at(-1)}`, 50_000);
}

const python = async (port: number, sends: Buffer, reads: number, how: string): Promise<string> =>
  printed('python3', ['-c', PYTHON, String(port), await caFile(), sends.toString('hex'), String(reads), how]);

describe.skipIf(NO_PYTHON).each(WIDTHS)("Python's ssl, %i bytes a LONG", (width) => {
  it('logs in, hears what it says, and leaves in order', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls(width);
    const said = packet(3, str('py'), str('hello'));
    const out = await python(port, Buffer.concat([packet(0, str('py')), said]), 1 + said.length, 'end');
    expect(out).toBe(`01${said.toString('hex')} ended`);
    await rig.left('py');
    expect(rig.log.of('connection lost')).toEqual([]);
  });

  it('[P14a] is seen to be cut where it leaves without close_notify', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls(width);
    expect(await python(port, packet(0, str('py')), 1, 'cut')).toBe('01 left');
    const { fields } = await rig.log.until('connection lost');
    expect(fields).toMatchObject({ login: 'py', why: expect.stringContaining('without close_notify') as string });
  });

  it.each(['end', 'cut'])('[P14a] sees the %s of the other side of a channel for what it is', async (how) => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls(width);
    const id = await agree(await rig.join('alice', width), await rig.join('bob', width));
    const seen = python(port, packet(9, long(id, width)), 1 + 5, 'until end');
    const half = await halfTls(port, id, { longBytes: width });
    half.write('bytes');
    expect((await readExactly(half, 1)).toString()).toBe('!');
    if (how === 'end') half.end();
    else half.destroy();
    expect(await seen).toBe(`0a${Buffer.from('bytes').toString('hex')} ${how}`);
  });
});

describe.skipIf(NO_OPENSSL)('openssl s_client', () => {
  it.each(['-tls1_2', '-tls1_3'])('logs in with %s', async (version) => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const args = ['s_client', '-quiet', version, '-CAfile', await caFile(), '-verify_return_error'];
    const child = spawn('openssl', [...args, '-connect', `127.0.0.1:${port}`], { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill());
    child.stdin.write(packet(0, str('openssl')));
    const [answer] = (await once(child.stdout, 'data')) as [Buffer];
    expect(answer.toString('hex')).toBe('01');
    await expect.poll(() => rig.server.sessions().map(({ login }) => login)).toEqual(['openssl']);
  });

  it('is refused with a version before 1.2', async () => {
    const rig = await Rig.start();
    const { port } = await rig.listenTls();
    const args = ['s_client', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0', '-connect', `127.0.0.1:${port}`];
    await printed('openssl', args);
    await rig.log.until('TLS handshake failed: no common TLS version');
    expect((await rig.stats()).connections).toBe(0);
  });
});
