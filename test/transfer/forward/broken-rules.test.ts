import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { AskingTunnel } from '../../../src/transfer/forward/asking-tunnel.ts';
import { Permits } from '../../../src/transfer/forward/permits.ts';
import { ServedTunnel } from '../../../src/transfer/forward/served-tunnel.ts';
import { memoryPair, type MemoryChannel } from '../verified/memory-channels.ts';
import { DATA, END_HEADERS, field, frame, HEADERS, PREFACE, SETTINGS } from './raw-http2.ts';

/** DATA without a stream, which ends a session (RFC 9113, 6.1). */
const WRONG = frame(DATA, 0, 0, Buffer.from('x'));
const SAID = 'sent breaks the rules of HTTP/2, or was changed on the way';

function serve(channel: MemoryChannel): ServedTunnel {
  const tunnel = new ServedTunnel(channel, {
    permits: new Permits([]),
    listenPermits: new Permits([]),
    maxConnections: 4,
    dialTimeoutMs: 5_000,
    events: {
      onOpened: () => undefined,
      onClosed: () => undefined,
      onRefused: () => undefined,
      onFailed: () => undefined,
    },
  });
  onTestFinished(() => tunnel.destroy());
  return tunnel;
}

async function both() {
  const { requester, target } = memoryPair();
  const served = serve(target);
  const asking = await AskingTunnel.open(requester, { maxConnections: 4, signal: new AbortController().signal });
  return { requester, target, served, asking };
}

/** Which of them knows the reason depends on the version of Node.js: newer ones break the channel before it is told. */
async function endings(...tunnels: readonly { readonly closed: Promise<Error> }[]): Promise<readonly string[]> {
  return Promise.all(tunnels.map(async ({ closed }) => (await closed).message));
}

test('a peer that breaks the rules of HTTP/2 and stays is left at once', async () => {
  const { requester, target } = memoryPair();
  const tunnel = serve(target);
  const fields = [Buffer.from([0x83, 0x86]), field(':path', '/chatosbot-forward/1'), field(':authority', 'x')];
  const begin = frame(HEADERS, END_HEADERS, 1, Buffer.concat(fields));
  requester.write(Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0), begin]));
  await once(requester.resume(), 'data');
  requester.write(WRONG);
  const startedAt = performance.now();
  expect((await tunnel.closed).message).toBe(`what ann ${SAID}`);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('where what the asking side sent was changed on the way, both sides end', async () => {
  const { target, served, asking } = await both();
  target.push(WRONG);
  expect(await endings(served, asking)).toContainEqual(expect.stringContaining(SAID));
});

test('where what the listening side sent was changed on the way, both sides end', async () => {
  const { requester, served, asking } = await both();
  requester.push(WRONG);
  expect(await endings(served, asking)).toContainEqual(expect.stringContaining(SAID));
});

test('questions that were answered leave nothing at the tunnel, however many they are', async () => {
  const { asking } = await both();
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const { signal } = new AbortController();
  for (let count = 0; count < 12; count += 1) {
    await asking.mayConnect({ host: '127.0.0.1', port: 80 }, { timeoutMs: 60_000, signal });
  }
  await new Promise(setImmediate);
  expect(warnings).toEqual([]);
});
