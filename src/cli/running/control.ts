import { isChatosError, messageOf } from '../../errors.ts';
import type { BansFile } from '../../ops/bans-file.ts';
import type { Operated } from '../../ops/control-commands.ts';
import { controlFolder, defaultControlPath, makePrivateFolder, removeDeadControls } from '../../ops/control-path.ts';
import type { ControlServer } from '../../ops/control-server.ts';
import type { OperatedServer } from '../../server/operated-server.ts';
import type { LevelSwitch, Logger } from '../../util/log.ts';
import type { Announce } from '../terminal/output.ts';

export interface ControlPlan {
  /** Where; `undefined` for the default socket, false for none. */
  readonly path: string | false | undefined;
  readonly server: OperatedServer;
  readonly bots: Operated['bots'];
  readonly bans: BansFile;
  readonly level: LevelSwitch;
  readonly log: Logger;
  readonly announce: Announce;
  readonly isStopping: Operated['isStopping'];
  readonly drain: Operated['drain'];
  readonly reload: Operated['reload'];
}

/**
 * Opens the control socket of a server in this process. Where the default one cannot be opened, that is warned about, and
 * the server goes on without.
 *
 * @throws {ChatosError} `LISTEN_FAILED` or `INVALID_ARGUMENT`, where a path was given
 */
export async function openControl(plan: ControlPlan): Promise<ControlServer | undefined> {
  const { path: given, server, bots, bans, level, log, announce, isStopping, drain, reload } = plan;
  if (given === false) return undefined;
  const [{ startControlServer }, { answerControl }] = await Promise.all([
    import('../../ops/control-server.ts'),
    import('../../ops/control-commands.ts'),
  ]);
  const operated: Operated = { server, bots, bans, level, isStopping, drain, reload };
  try {
    if (given === undefined) makePrivateFolder(controlFolder());
    const path = given ?? defaultControlPath(server.addresses[0]!.port);
    const control = await startControlServer({ path, log, answer: (request) => answerControl(operated, request) });
    if (given === undefined) removeDeadControls().catch((error: unknown) => log.debug(messageOf(error)));
    if (given !== undefined) announce(`control socket at ${path}`, { path });
    return control;
  } catch (error) {
    if (given !== undefined || !isChatosError(error)) throw error;
    log.warn(`no control socket: ${error.message}`);
    return undefined;
  }
}
