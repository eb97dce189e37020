import { parseStatusAddress, type StatusAddress } from '../../ops/status-address.ts';
import type { Config } from '../../config/schema.ts';

/** Where the status endpoint is: `--status`, else the configuration's `status`, else nowhere. */
export function chooseStatusAddress(flag: StatusAddress | undefined, config: Config): StatusAddress | undefined {
  return flag ?? (config.status === undefined ? undefined : parseStatusAddress(config.status));
}
