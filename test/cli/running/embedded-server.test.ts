import { expect, it } from 'vitest';
import { startServer } from '../../../src/cli/running/embedded-server.ts';
import { DEFAULT_ADDRESS } from '../../../src/net/address.ts';
import { BansFile } from '../../../src/ops/bans-file.ts';
import { SILENT_LOGGER } from '../../../src/util/log.ts';

it('does not listen where it was stopped while it started', async () => {
  const said: string[] = [];
  const starting = startServer({
    listen: [{ ...DEFAULT_ADDRESS, port: 0 }],
    options: {},
    certificate: { files: undefined, stateDirectory: '/nowhere' },
    bans: new BansFile('/nowhere', SILENT_LOGGER),
    log: SILENT_LOGGER,
    announce: (text) => void said.push(text),
    signal: AbortSignal.abort(),
  });
  await expect(starting).rejects.toMatchObject({ code: 'ABORTED' });
  expect(said).toEqual([]);
});
