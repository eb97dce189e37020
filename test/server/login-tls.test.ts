import { expect, it } from 'vitest';
import { Rig } from '../support/server-rig.ts';
import { connectTls } from '../support/tls-peers.ts';

it('a LOGIN that comes with the end of the handshake is answered at once, though TLS itself has something to send', async () => {
  const rig = await Rig.start();
  const { port } = await rig.listenTls();
  for (let count = 0; count < 10; count += 1) {
    const client = await connectTls(port);
    // It is refused without a look into the directory.
    expect(await client.login(' a', { timeoutMs: 5_000 })).toBe(false);
  }
});
