/**
 * Which server tests speak to, by `CHATOSBOT_TEST_SERVER`: the one of their process unless that says otherwise; and what is
 * left out where it is the processes of a `serve`.
 */
import { beforeEach, TestRunner } from 'vitest';

const SERVERS = ['workers', 'node'] as const;
const wanted = process.env['CHATOSBOT_TEST_SERVER'] || undefined;

/** `workers`: two of them; `node`: the second node of a cluster of two. */
export const TESTED_SERVER = SERVERS.find((name) => name === wanted);
if (wanted !== TESTED_SERVER) throw new Error(`CHATOSBOT_TEST_SERVER is one of ${SERVERS.join(', ')}`);

/** docs/server.md says so, "Several processes". */
const SHARED = 'processes share or divide the limit, and are exact a moment later';

const ON_ITS_WAY = 'what is said at one process is on its way to the clients of another for a moment';

/** By file and the beginning of their titles, which tests are left out, and why. */
type LeftOut = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Tests that need the server in their process. */
const IN_THEIR_PROCESS: LeftOut = {
  'test/server/channels/closing.test.ts': {
    '[P15] is passed on before the halves end': 'it watches the sockets of its process',
  },
  'test/server/churn.test.ts': { 'clients that come and go': 'it weighs what its process holds' },
};

/** Tests that say what holds for one worker alone, as the node of a cluster has it here. */
const OF_ONE_WORKER: LeftOut = {
  'test/server/access/networks.test.ts': {
    'is closed at accept': 'each worker has a line a second in the log',
  },
  'test/server/limits/acting.test.ts': {
    maxConnections: SHARED,
    maxUnidentifiedPerAddress: SHARED,
    connectionsPerSecondPerAddress: SHARED,
    keptForNewAddressesPercent: SHARED,
  },
  'test/server/limits/addresses.test.ts': {
    '[P19] gets as many': SHARED,
    '[P19] has halves that wait': SHARED,
    '[P19] has few': SHARED,
    '[P19] is refused new ones': SHARED,
    '[P19] has places kept': SHARED,
  },
  'test/server/limits/limits.test.ts': {
    'closes what comes beyond': SHARED,
    'counts what is not identified': SHARED,
    '[P8] gets all that was queued': ON_ITS_WAY,
  },
  'test/server/limits/readers.test.ts': {
    '[P17] several that flood everyone': 'each process gives its own senders equal parts',
  },
  'test/server/limits/throttling.test.ts': {
    '[P12] is bounded in total': SHARED,
    '[P12] one failure less': SHARED,
  },
  'test/server/messages.test.ts': { '[P8] a client hears what is said after': ON_ITS_WAY },
  'test/server/negotiation.test.ts': {
    '[P9] two who ask each other at once': 'ids of two processes may come to one in another order than to the other',
  },
};

/** Tests that say what holds for a server that is no node. */
const OF_A_NODE: LeftOut = {
  'test/e2e/serve-log.test.ts': {
    'serve says where it listens and that': 'a node says where it listens for others, too',
  },
};

/** Skips the test that runs. */
export function leaveOut(why: string): never {
  return TestRunner.getCurrentTest()!.context.skip(`left out: ${why}`);
}

if (TESTED_SERVER) {
  beforeEach(({ task, skip }) => {
    const lists = [IN_THEIR_PROCESS, TESTED_SERVER === 'workers' ? OF_ONE_WORKER : OF_A_NODE];
    const titles = lists.flatMap((list) => Object.entries(list[task.file.name] ?? {}));
    const found = titles.find(([title]) => task.name.startsWith(title));
    if (found) skip(`left out: ${found[1]}`);
  });
}
