import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChatosError } from '../../src/errors.ts';
import { parseAddress } from '../../src/net/address.ts';
import { checkServer, clientTlsOptions } from '../../src/net/client-context.ts';
import type { Identity } from '../../src/net/identity.ts';
import { nameOf } from '../../src/net/trust.ts';
import { days, issue, type Issued } from '../support/issued.ts';

/** What a client with that address makes of a server with that certificate, by a handshake over real sockets. */
async function verdict(
  server: Pick<Issued, 'cert' | 'key'>,
  parameters = '',
  host = '127.0.0.1',
  identity?: Identity,
): Promise<ChatosError | undefined> {
  const listening = createServer(server, (socket) => socket.on('error', () => undefined).end());
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void listening.close());
  const { port } = listening.address() as AddressInfo;
  const address = parseAddress(`tls://${host}:${port}${parameters}`, 'client');
  const options = await clientTlsOptions(address, identity);
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const made = connect({ ...options, host: '127.0.0.1', port }, () => resolve(made)).on('error', reject);
  });
  const why = checkServer(address, socket, identity);
  socket.destroy();
  return why && Object.assign(why, { message: why.message.replaceAll(`:${port}`, ':PORT') });
}

async function saved(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatosbot-trust-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

const authority = issue({ name: 'an authority', isAuthority: true });
const right = authority.then((by) => issue({ hosts: ['chat.test'], ips: ['127.0.0.1'], by }));

describe('a server is trusted', () => {
  it('by its pin, whatever its name, its dates and its authority', async () => {
    const server = await issue({ hosts: ['other.test'], from: days(-9), to: days(-1) });
    expect(await verdict(server, `?pin=${server.pin}`)).toBeUndefined();
  });

  it('by an authority in a file and an IP address among its names', async () => {
    const ca = await saved('ca.pem', (await authority).cert);
    expect(await verdict(await right, `?ca=${ca}`)).toBeUndefined();
  });

  it('by an authority in a file and another name than the host', async () => {
    const ca = await saved('ca.pem', (await authority).cert);
    expect(await verdict(await right, `?ca=${ca}&name=chat.test`, 'example.org')).toBeUndefined();
  });

  it.each([
    ['a.chat.test', true],
    ['A.CHAT.test.', true],
    ['a.b.chat.test', false],
    ['chat.test', false],
  ])('by a certificate for *.chat.test, as %s: %s', async (host, isTrusted) => {
    const ca = await saved('ca.pem', (await authority).cert);
    const why = await verdict(await issue({ hosts: ['*.chat.test'], by: await authority }), `?ca=${ca}`, host);
    expect(why?.fields['reason']).toBe(isTrusted ? undefined : 'wrong-name');
  });

  it.each([
    ['127.0.0.1', true],
    ['127.0.0.2', false],
    ['[2001:db8:0::7]', true],
    ['[2001:db8::8]', false],
    ['localhost', false],
  ])('by a certificate for the addresses 127.0.0.1 and 2001:db8::7, as %s: %s', async (host, isTrusted) => {
    const ca = await saved('ca.pem', (await authority).cert);
    const server = await issue({ ips: ['127.0.0.1', '2001:db8::7'], by: await authority });
    const why = await verdict(server, `?ca=${ca}`, host);
    expect(why?.fields['reason']).toBe(isTrusted ? undefined : 'wrong-name');
  });

  it('not by a name that looks like an address, nor by its common name', async () => {
    const ca = await saved('ca.pem', (await authority).cert);
    const server = await issue({ name: '127.0.0.1', hosts: ['127.0.0.1'], by: await authority });
    expect(await verdict(server, `?ca=${ca}`)).toMatchObject({ fields: { reason: 'wrong-name' } });
  });

  it('by its own certificate in a file', async () => {
    const server = await issue({ ips: ['127.0.0.1'] });
    expect(await verdict(server, `?ca=${await saved('server.pem', server.cert)}`)).toBeUndefined();
  });
});

describe('a server is not trusted', () => {
  const refused = (reason: string, fingerprint: string): object => ({
    code: 'NOT_TRUSTED',
    fields: { reason, fingerprint },
  });

  it('with a certificate that it has signed itself, and the message has the address that would work', async () => {
    const server = await issue({ ips: ['127.0.0.1'] });
    const why = await verdict(server);
    expect(why).toMatchObject(refused('unknown-authority', server.pin));
    expect(why!.message).toBe(
      'the server at tls://127.0.0.1:PORT is not trusted: its certificate is signed by itself, and no authority vouches ' +
        `for it; to trust this server by its key, where you know that it is the right one, use 'tls://127.0.0.1:PORT?pin=${server.pin}'`,
    );
  });

  it('with a certificate of an authority that is not known here', async () => {
    const why = await verdict(await right);
    expect(why).toMatchObject(refused('unknown-authority', (await right).pin));
    expect(why!.message).toContain('an authority that is not known here');
  });

  it('with a certificate of another authority than that of the address, though the system trusts it', async () => {
    const other = await saved('ca.pem', (await issue({ isAuthority: true })).cert);
    const why = await verdict(await right, `?ca=${other}`);
    expect(why).toMatchObject(refused('unknown-authority', (await right).pin));
  });

  it('with a certificate that has expired', async () => {
    const server = await issue({ ips: ['127.0.0.1'], from: days(-9), to: days(-3), by: await authority });
    const why = await verdict(server, `?ca=${await saved('ca.pem', (await authority).cert)}`);
    expect(why).toMatchObject(refused('expired', server.pin));
    expect(why!.message).toContain(`its certificate has expired, on ${days(-3).toJSON().slice(0, 10)}`);
  });

  it('with a certificate that is not valid yet', async () => {
    const server = await issue({ ips: ['127.0.0.1'], from: days(2), to: days(3), by: await authority });
    const why = await verdict(server, `?ca=${await saved('ca.pem', (await authority).cert)}`);
    expect(why).toMatchObject(refused('not-yet-valid', server.pin));
    expect(why!.message).toContain('is the clock of this machine right?');
  });

  it('with a certificate for somebody else, and the message says for whom', async () => {
    const ca = await saved('ca.pem', (await authority).cert);
    const why = await verdict(await right, `?ca=${ca}`, 'example.org');
    expect(why).toMatchObject(refused('wrong-name', (await right).pin));
    expect(why!.message).toContain(
      'its certificate is for DNS:chat.test, IP Address:127.0.0.1, and not for example.org',
    );
  });

  it('with another key than the pinned one, in words that cannot be missed', async () => {
    const [server, { pin }] = await Promise.all([right, issue()]);
    const why = await verdict(server, `?pin=${pin}`);
    expect(why).toMatchObject(refused('wrong-pin', server.pin));
    expect(why!.message).toMatch(
      /^WARNING: the server at tls:\/\/127\.0\.0\.1:PORT has another key than the pinned one/,
    );
    expect(why!.message).toContain(`Expected ${pin}, found ${server.pin}`);
    expect(why!.message).toContain(`use 'tls://127.0.0.1:PORT?pin=${server.pin}'`);
    expect(why!.message).toContain('Nothing was sent. Only if');
  });

  it('after the handshake has shown it the certificate of an identity, and the message says so', async () => {
    const [server, { pin }, me] = await Promise.all([right, issue(), issue({ name: 'me' })]);
    const why = await verdict(server, `?pin=${pin}`, '127.0.0.1', { ...me, fingerprint: me.pin });
    expect(why!.message).toContain(
      "Nothing was sent but, if it has asked for that, this client's certificate. Only if",
    );
  });
});

describe('an authority in a file', () => {
  it.each([
    ['that does not exist', undefined, /ca\.pem does not exist/],
    ['without a certificate', 'hello', /ca\.pem has no certificate in PEM form/],
    [
      'that is damaged',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      /ca\.pem has a certificate that cannot be read/,
    ],
  ])('%s is an invalid address', async (_, text, message) => {
    const file = text === undefined ? '/nowhere/ca.pem' : await saved('ca.pem', text);
    const options = clientTlsOptions(parseAddress(`tls://127.0.0.1?ca=${file}`));
    await expect(options).rejects.toMatchObject({
      code: 'INVALID_ADDRESS',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('the name that is checked', () => {
  it.each([
    ['chat.example.org', 'chat.example.org'],
    ['chat.example.org.', 'chat.example.org'],
    ['127.0.0.1', '127.0.0.1'],
    ['[fe80::1%eth0]', 'fe80::1'],
    ['Café.example', 'xn--caf-dma.example'],
    ['127.0.0.1?name=chat.test', 'chat.test'],
  ])('of tls://%s is %s', (text, name) => {
    expect(nameOf(parseAddress(`tls://${text}`))).toBe(name);
  });
});
