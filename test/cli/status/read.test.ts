import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { readStatus } from '../../../src/cli/status/read.ts';

async function serving(listener: RequestListener) {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { host: '127.0.0.1', port: (http.address() as AddressInfo).port };
}

it('an endpoint that has no end is not one of ours', async () => {
  const piece = Buffer.alloc(2 ** 20, ' ');
  const address = await serving((_request, response) => {
    const more = (): void => void response.write(piece, (error) => error ?? more());
    more();
  });
  // What is too long ends it, not the time.
  await expect(readStatus(address, 50_000, 2 ** 22)).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    message: expect.stringContaining('is not a status endpoint') as string,
  });
});

it('an endpoint that does not answer is given up after 5 s', async () => {
  const address = await serving(() => undefined);
  await expect(readStatus(address)).rejects.toMatchObject({ code: 'TIMED_OUT' });
});
