import { randomBytes } from 'node:crypto';
import path from 'node:path';
import process from 'node:process';
import { clusterSecretFile, readClusterSecret } from '../../config/cluster.ts';
import { loadConfig } from '../../config/load.ts';
import { stateDirectory } from '../../config/settings.ts';
import { ChatosError, messageOf } from '../../errors.ts';
import { readOrCreate } from '../../util/private-file.ts';
import { ExitSignal } from '../terminal/exit.ts';
import { announcer, leaveStalledReaders, notice } from '../terminal/output.ts';
import { stopRequest } from '../terminal/signals.ts';
import { LocalNodes } from './local-nodes.ts';
import { localNodes, type ServeFlags } from './node-arguments.ts';

/** The secret of nodes on this machine, which is made up; in the state folder. */
const SECRET = 'cluster.secret';

/**
 * Runs several nodes of a cluster on this machine until the process is asked to stop, to try a cluster out.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT`; {@link ExitSignal} where a node could not start, with its exit code
 */
export async function serveNodes(flags: ServeFlags): Promise<void> {
  leaveStalledReaders(flags);
  const announce = announcer(flags);
  const loaded = await loadConfig({ file: flags.config });
  const named = clusterSecretFile(flags, loaded);
  const secretFile = named ?? path.join(stateDirectory(flags.state, loaded), SECRET);
  const nodes = localNodes(flags, loaded, secretFile);
  // One that is named is somebody's: a wrong name makes no other one.
  await (named === undefined ? makeSecret(secretFile) : readClusterSecret(named));
  const local = new LocalNodes({
    nodes,
    program: process.argv[1]!,
    // Other users see the arguments of a process, and the address of NATS may have a password.
    env: { ...process.env, ...(flags.cluster && { CHATOSBOT_CLUSTER: flags.cluster.join(',') }) },
    onLine: (node, line) => {
      if (line.startsWith('{')) process.stderr.write(`${line.replace('{', `{"node":${JSON.stringify(node)},`)}\n`);
      else notice(`${node}: ${line}`);
    },
    announce,
  });
  const stop = stopRequest(
    () => local.signal('SIGTERM'),
    () => local.signal('SIGHUP'),
  );
  const code = await Promise.race([local.start(), stop.received.then(() => undefined)]);
  if (code !== undefined) {
    await local.stop('SIGTERM');
    throw new ExitSignal(code);
  }
  if (!stop.signal.aborted) announce(`users connect to ${local.addresses}`, { addresses: local.addresses });
  const signal = await stop.received;
  announce(`stopping on ${signal}`, { signal });
  await local.stop('SIGTERM');
  announce('stopped');
}

async function makeSecret(file: string): Promise<void> {
  try {
    await readOrCreate(file, async () => `${randomBytes(32).toString('hex')}\n`);
  } catch (error) {
    const message = `the secret of the cluster cannot be kept: ${messageOf(error)}`;
    throw new ChatosError('INVALID_ARGUMENT', message, { cause: error, fields: { file } });
  }
}
