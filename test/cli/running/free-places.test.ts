import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkPlaces } from '../../../src/cli/running/free-places.ts';
import { tempDirectory } from '../../support/bot-files.ts';

it('a status port, or a control socket, that another process has is found before users can come', async () => {
  const control = path.join(await tempDirectory(), 'ctl.sock');
  const [web, unix] = [net.createServer().listen(0, '127.0.0.1'), net.createServer((socket) => socket.destroy())];
  onTestFinished(() => void [web, unix].map((server) => server.close()));
  await once(web, 'listening');
  const { port } = web.address() as net.AddressInfo;
  const status = { host: '127.0.0.1', port };
  await expect(checkPlaces({ status, control: undefined })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining(`cannot listen on http://127.0.0.1:${port}: the port is in use`),
  });
  await expect(checkPlaces({ status: { ...status, port: 0 }, control })).resolves.toBeUndefined();
  await once(unix.listen(control), 'listening');
  await expect(checkPlaces({ status: undefined, control })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining('another process listens there'),
  });
});
