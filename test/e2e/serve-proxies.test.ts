import { createConnection } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { packet, str } from '../support/rfc-peer.ts';
import { labFile, run, start } from './chatosbot.ts';

test('serve takes clients from the proxies of its configuration, and says where they are', async () => {
  const config = labFile('proxied.yaml', 'serve: { listen: ["127.0.0.1:0?proxy=v1"], proxies: [127.0.0.1] }\n');
  const command = start(['serve', '--config', config]);
  const [, port] = await command.line(/^listening on tcp:\/\/127\.0\.0\.1:(\d+)\?proxy=v1$/);
  const socket = createConnection(Number(port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n'), packet(0, str('alice'))]));
  await command.line(/logged in login=alice from=192\.0\.2\.7/);
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
});

test('serve does not start with an address for proxies where there are none', async () => {
  const { status, stderr } = await run(['serve', '--listen', '127.0.0.1:0?proxy=v2']);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('serve.proxies') });
});

test('serve warns of proxies that have no address to connect to', async () => {
  const config = labFile('unused.yaml', 'serve: { listen: ["127.0.0.1:0"], proxies: [127.0.0.1] }\n');
  const command = start(['serve', '--config', config]);
  await command.line(/serve\.proxies has no effect/);
  command.kill('SIGTERM');
  expect(await command.exit()).toMatchObject({ status: 0 });
});
