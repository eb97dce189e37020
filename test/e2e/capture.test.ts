/** What somebody sees who records all that a server gets and sends: logins, times and sizes, and nothing of what is said. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeSecret } from '../../src/transfer/secure/secret.ts';
import { startRecordingProxy, type RecordingProxy } from '../support/recording-proxy.ts';
import { LAB, labFile, run, start } from './chatosbot.ts';
import { dial, echo, readToEnd, startForwarding, startListening, startTarget } from './forwarding.ts';
import { sharedServer } from './shared-server.ts';

let port: number;

beforeAll(async () => {
  ({ port } = await sharedServer());
});

const FILE = labFile('capture.secret', makeSecret());
chmodSync(FILE, 0o600);
const WORDS = 'words that nobody else may read\n';

/** Which of these texts were seen. */
function found(proxy: RecordingProxy, texts: readonly string[]): string[] {
  const seen = proxy.seen();
  return texts.filter((text) => seen.includes(text));
}

describe.each([
  ['without a secret, all of it', [], true],
  ['with a secret, nothing', ['--secret', FILE], false],
] as const)('a capture at the server shows %s', (_, flags, isShown) => {
  test('of a pipe', async () => {
    const proxy = await startRecordingProxy(port);
    const [login, answer] = [`ear-${isShown}`, 'an answer that goes back'];
    const common = ['-s', proxy.at, ...flags];
    const listening = start(['pipe', '--listen', '--login', login, ...common], { input: answer });
    await listening.line(/waiting/);
    const sent = await run(['pipe', login, '--login', `mouth-${isShown}`, ...common], { input: WORDS.repeat(3_000) });
    expect([sent.status, sent.stdout, (await listening.exit()).status]).toEqual([0, answer, 0]);
    const texts = ['nobody else', answer];
    expect(found(proxy, texts)).toEqual(isShown ? texts : []);
  });

  test('of files: names, and what is in them', async () => {
    const proxy = await startRecordingProxy(port);
    const folder = path.join(LAB, `capture-${isShown}`, 'quarterly-figures');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'unpublished.txt'), WORDS);
    const names = ['--login', `post-${isShown}`, '--server', proxy.at, ...flags];
    const receiving = start(['receive', '--from', '*', '--yes', '--dir', path.join(folder, 'in'), ...names]);
    await receiving.line(/waiting/);
    const to = ['--to', `post-${isShown}`, '--login', `sends-${isShown}`];
    const sent = await run(['send', folder, '--compress', 'never', ...to, '--server', proxy.at, ...flags]);
    expect([sent.status, (await receiving.exit()).status]).toEqual([0, 0]);
    const texts = ['quarterly-figures', 'unpublished', 'nobody else'];
    expect(found(proxy, texts)).toEqual(isShown ? texts : []);
  });

  test('of what is forwarded: where to, and what goes there', async () => {
    const proxy = await startRecordingProxy(port);
    const target = await startTarget(echo);
    const name = `localhost:${target.port}`;
    const { login } = await startListening(proxy.at, ['--permit', name, '--permit-listen', '*', ...flags]);
    const ways = ['-L', `0:${name}`, '-D', '0', '-R', `0:${name}`];
    const { ports } = await startForwarding(proxy.at, login, [...ways, ...flags]);
    const [remote, local] = ports;
    for (const each of [remote!, local!]) {
      const socket = await dial(each);
      socket.end(WORDS);
      expect(String(await readToEnd(socket))).toBe(WORDS);
    }
    const texts = [name, 'nobody else', `127.0.0.1:${remote}`];
    expect(found(proxy, texts)).toEqual(isShown ? texts : []);
  });
});

test('a capture at the server shows nothing of what is sent by a code, nor the code', async () => {
  const proxy = await startRecordingProxy(port);
  const file = labFile('unpublished.txt', WORDS);
  const sending = start(['send', file, '--server', proxy.at]);
  const [, number, one, other] = await sending.line(/code: (\d+)-([a-z]+)-([a-z]+) /);
  const code = `${number}-${one}-${other}`;
  const received = await run(['receive', code, '--yes', '--dir', path.join(LAB, 'by-code'), '--server', proxy.at]);
  expect([received.status, (await sending.exit()).status]).toEqual([0, 0]);
  expect(found(proxy, ['unpublished', 'nobody else', one!, other!])).toEqual([]);
});
