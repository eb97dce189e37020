import path from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { controlPath, listenAddresses } from '../../config/settings.ts';
import { ChatosError } from '../../errors.ts';
import { askControl } from '../../ops/control-client.ts';
import { controlFolder, defaultControlPath, findControls } from '../../ops/control-path.ts';
import type { ControlLine, ControlRequest } from '../../ops/control-protocol.ts';

/** Which server is meant. */
export interface ControlFlags {
  readonly control?: string | undefined;
  readonly config?: string | undefined;
}

/**
 * The lines that a server answers.
 *
 * @param onOther told the socket where it is that of another server than the configuration's: the only one there is
 */
export async function ask(
  flags: ControlFlags,
  request: ControlRequest,
  timeoutMs?: number,
  onOther?: (socket: string) => void,
): Promise<ControlLine[]> {
  const lines: ControlLine[] = [];
  const socket = await socketOf(flags, onOther);
  for await (const line of askControl(socket, request, timeoutMs === undefined ? {} : { timeoutMs })) lines.push(line);
  return lines;
}

/**
 * The control socket that is meant: `--control`, else the configuration's, else that of the server on the configuration's
 * first address (without one, on the default port), or the only one that this user has.
 *
 * What is wrong in the configuration keeps nobody from operating a server: that has read it before, and `ctl reload` is
 * there to say what is wrong.
 *
 * @throws {ChatosError} `CONNECT_FAILED` where there is none, `INVALID_ARGUMENT` where there are several
 */
export async function socketOf(
  { control, config }: ControlFlags,
  onOther: (socket: string) => void = () => undefined,
): Promise<string> {
  if (control !== undefined) return path.resolve(control);
  const loaded = await loadConfig({ file: config, salvage: true });
  const given = controlPath(undefined, loaded);
  if (typeof given === 'string') return given;
  const found = await findControls();
  const configured = defaultControlPath(listenAddresses(undefined, loaded.config)[0]!.port);
  if (found.includes(configured)) return configured;
  const [first, ...others] = found;
  if (first === undefined) {
    const message = `no server of this user is running that has a control socket in ${controlFolder()}; name its socket with --control`;
    throw new ChatosError('CONNECT_FAILED', message);
  }
  if (others.length === 0) {
    onOther(first);
    return first;
  }
  const list = [first, ...others].map((file) => `\n  --control ${file}`).join('');
  throw new ChatosError('INVALID_ARGUMENT', `several servers are running; choose one with${list}`);
}
