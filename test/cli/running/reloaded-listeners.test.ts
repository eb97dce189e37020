import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { ReloadedListeners } from '../../../src/cli/running/reloaded-listeners.ts';
import { Report } from '../../../src/cli/running/reload-report.ts';
import { formatAddress, toAddress, type Address } from '../../../src/net/address.ts';
import { ChatosServer } from '../../../src/server/server.ts';
import { ownAddress } from '../../support/own-port.ts';

/** A server that listens on these addresses, by its configuration, and what a reload of that makes of it. */
async function listening(wanted: readonly Address[]) {
  const server = new ChatosServer();
  onTestFinished(() => server.close());
  for (const address of wanted) await server.listen(address);
  const announced: string[] = [];
  const listeners = new ReloadedListeners(server, wanted, (text) => void announced.push(text));
  const reload = async (all: readonly Address[]) => {
    const report = new Report();
    await listeners.change(all, report);
    return report.all;
  };
  return { server, reload, announced, now: () => server.addresses.map(formatAddress).toSorted() };
}

const NOTHING = { applied: [], unchanged: [], needsRestart: [], invalid: [] };
const free = async (): Promise<Address> => toAddress(await ownAddress());
const namesOf = (...all: readonly Address[]): string[] => all.map(formatAddress).toSorted();

it('listens where it did not, and no longer where it need not', async () => {
  const [kept, old, added] = [await free(), await free(), await free()];
  const { reload, now, announced } = await listening([kept, old]);
  expect(await reload([added, kept])).toEqual({ ...NOTHING, applied: ['serve.listen'] });
  expect(now()).toEqual(namesOf(kept, added));
  expect(announced).toEqual([`listening on ${formatAddress(added)}`, `listening no longer on ${formatAddress(old)}`]);
  expect(await reload([kept, added])).toEqual({ ...NOTHING, unchanged: ['serve.listen'] });
});

it('where one of the new addresses fails, all stays as it was, and the others are free again', async () => {
  const [kept, first, taken] = [await free(), await free(), await free()];
  const { reload, now, announced } = await listening([kept]);
  const other = createServer().listen(taken.port, taken.host);
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { invalid, ...rest } = await reload([first, taken]);
  expect(rest).toMatchObject({ applied: [], unchanged: [] });
  expect(invalid).toEqual([{ part: 'serve.listen', message: expect.stringContaining('the port is in use') }]);
  expect([now(), announced]).toEqual([namesOf(kept), []]);
  const another = createServer().listen(first.port, first.host);
  onTestFinished(() => void another.close());
  await once(another, 'listening');
});

it('an address that differs in more than its port needs a restart where the server has that port', async () => {
  const kept = await free();
  const { reload, now } = await listening([kept]);
  const wider = { ...kept, longBytes: 8 as const };
  const { invalid } = await reload([wider]);
  const why = `${formatAddress(wider)} takes a restart, or a port of its own`;
  expect(invalid).toEqual([{ part: 'serve.listen', message: expect.stringContaining(why) }]);
  expect(now()).toEqual(namesOf(kept));
});

it('an address that is there twice is listened on twice, where its port is any', async () => {
  const any = toAddress('127.0.0.1:0');
  const { reload, server } = await listening([any]);
  const [before] = server.addresses;
  expect(await reload([any, any])).toMatchObject({ applied: ['serve.listen'] });
  expect(server.addresses).toHaveLength(2);
  expect(await reload([any])).toMatchObject({ applied: ['serve.listen'] });
  expect(server.addresses).toEqual([before]);
});
