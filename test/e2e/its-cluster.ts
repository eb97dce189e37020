/** Clusters of the servers that tests start by `startServer`, with `CHATOSBOT_TEST_SERVER=node`. */
import { onTestFinished, TestRunner } from 'vitest';
import { aroundEachFile } from '../support/each-file.ts';
import { Meeting } from '../support/meeting.ts';

/** The same for a server that is started again, at the address of the one before, or with its state: it is that node. */
const NODE = 'tested';

/** Those of the file, and what their tested node is known by. */
const clusters = new Map<Meeting, Set<string>>();
aroundEachFile({
  async end() {
    await Promise.all([...clusters.keys()].map(leave));
  },
});

export interface ItsCluster {
  readonly environment: Readonly<Record<string, string>>;
  listensAt(address: string): void;
}

/** For a server with these arguments. It lasts as long as its commands do: for the test, or the file. */
export async function clusterOf(args: readonly string[]): Promise<ItsCluster> {
  const state = args.indexOf('--state') + 1;
  const before = [...clusters].find(([, known]) => args.some((arg) => known.has(arg)))?.[0];
  const meeting = before ?? (await Meeting.begin());
  const known = clusters.get(meeting) ?? new Set();
  clusters.set(meeting, state > 0 ? known.add(args[state]!) : known);
  if (!before && TestRunner.getCurrentTest()) onTestFinished(() => leave(meeting));
  const { broker, node, peer, secretFile } = meeting.join(NODE);
  return {
    environment: {
      CHATOSBOT_CLUSTER: broker,
      CHATOSBOT_NODE: node,
      CHATOSBOT_PEER: peer,
      CHATOSBOT_CLUSTER_SECRET: secretFile,
    },
    listensAt: (address) => void known.add(address),
  };
}

async function leave(meeting: Meeting): Promise<void> {
  if (clusters.delete(meeting)) await meeting.end();
}
