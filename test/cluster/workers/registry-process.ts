/** The registry of a primary, in a process of its own, for one worker: the test. */
import process from 'node:process';
import type { AskedByWorker } from '../../../src/cluster/workers/messages.ts';
import { Registry } from '../../../src/cluster/workers/registry.ts';
import { Wire } from '../../../src/cluster/workers/wire.ts';

type Asked = Pick<AskedByWorker, 'claim' | 'release'>;

const registry = new Registry(Number(process.argv[2]));
const worker = { ending: undefined, endGhost: async () => undefined };

new Wire<Readonly<Record<string, never>>, Asked>(process, {
  claim: (claim) => registry.claim(claim, worker),
  release: async ([member, how]) => {
    await registry.release(member, how);
    return undefined;
  },
});
process.once('disconnect', () => process.exit());
