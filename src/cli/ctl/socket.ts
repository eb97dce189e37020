import { loadConfig } from '../../config/load.ts';
import { controlPath } from '../../config/settings.ts';
import { ChatosError } from '../../errors.ts';
import { askControl } from '../../ops/control-client.ts';
import { controlFolder, defaultControlPath, findControls } from '../../ops/control-path.ts';
import type { ControlLine, ControlRequest } from '../../ops/control-protocol.ts';
import { DEFAULT_PORT } from '../../net/address.ts';

/** Which server is meant. */
export interface ControlFlags {
  readonly control?: string | undefined;
  readonly config?: string | undefined;
}

/** The lines that a server answers. */
export async function ask(flags: ControlFlags, request: ControlRequest, timeoutMs?: number): Promise<ControlLine[]> {
  const lines: ControlLine[] = [];
  for await (const line of askControl(await socketOf(flags), request, timeoutMs === undefined ? {} : { timeoutMs })) {
    lines.push(line);
  }
  return lines;
}

/**
 * The control socket that is meant: `--control`, else the configuration's, else that of the server on the default port, or
 * the only one that this user has.
 *
 * @throws {ChatosError} `CONNECT_FAILED` where there is none, `INVALID_ARGUMENT` where there are several
 */
export async function socketOf({ control, config }: ControlFlags): Promise<string> {
  const given = controlPath(control, await loadConfig({ file: config }));
  if (typeof given === 'string') return given;
  const standard = defaultControlPath(DEFAULT_PORT);
  const [first, ...others] = await findControls();
  if (first === undefined) {
    const message = `no server of this user is running that has a control socket in ${controlFolder()}; name its socket with --control`;
    throw new ChatosError('CONNECT_FAILED', message);
  }
  if (others.length === 0 || first === standard) return first;
  const list = [first, ...others].map((file) => `\n  --control ${file}`).join('');
  throw new ChatosError('INVALID_ARGUMENT', `several servers are running; choose one with${list}`);
}
