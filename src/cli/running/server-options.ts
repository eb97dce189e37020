import type { LoadedConfig } from '../../config/read.ts';
import type { ServerOptions } from '../../server/options.ts';

/** What the configuration says about a server in this process, be it that of `serve` or of `run`, but for where it listens. */
export function serverOptions({ config }: LoadedConfig): ServerOptions {
  const { limits, lookAlikes, logins, deny, allow } = config.serve ?? {};
  return { limits, lookAlikes, logins, deny, allow };
}
