import { isIP } from 'node:net';
import { ChatosError } from '../../errors.ts';
import { matchesLogin } from '../../policy/login-glob.ts';
import { formatEndpoint, isPath, parseEndpoint, readPort, type Endpoint } from './endpoint.ts';

/** How something is permitted: in its own words, or by a wildcard in its host. */
export type Permitted = 'by name' | 'by wildcard';

interface HostPattern {
  /** `undefined` for any. */
  readonly port: number | undefined;
  /** In which `*` stands for any characters, and `?` for one. */
  readonly glob: string;
  /** What it may match: a glob of digits and dots must not match a name, which its owner can let mean any address. */
  readonly matches: 'names' | 'addresses' | 'both';
}

/**
 * What a peer may connect to, or listen on: only what was named. A host is a name, an address, or one with wildcards; a
 * name and its address are two things. A port is a number or `*`. A path is permitted as it is.
 */
export class Permits {
  /** In the form of {@link formatEndpoint}. */
  readonly #exact = new Set<string>();
  readonly #patterns: HostPattern[] = [];

  /** @throws {ChatosError} `INVALID_ARGUMENT` for what cannot be read */
  constructor(texts: readonly string[]) {
    for (const text of texts) this.#add(text);
  }

  /** Whether nothing is permitted. */
  get isEmpty(): boolean {
    return this.#exact.size === 0 && this.#patterns.length === 0;
  }

  /** How it is permitted; `undefined` where it is not. */
  find(endpoint: Endpoint): Permitted | undefined {
    if (this.#exact.has(formatEndpoint(endpoint))) return 'by name';
    if (isPath(endpoint)) return undefined;
    const { host, port } = endpoint;
    const kind = isIP(host) === 0 ? 'names' : 'addresses';
    const fits = this.#patterns.filter(
      (pattern) =>
        (pattern.port ?? port) === port &&
        (pattern.glob === host ||
          (host !== '*' && [kind, 'both'].includes(pattern.matches) && matchesLogin(pattern.glob, host))),
    );
    if (fits.some(({ glob, matches }) => glob === host || matches === 'both')) return 'by name';
    return fits.length > 0 ? 'by wildcard' : undefined;
  }

  #add(text: string): void {
    if (!/[*?]/.test(text)) {
      this.#exact.add(formatEndpoint(parseEndpoint(text)));
      return;
    }
    const [, host, port] = /^(\[[^\]]*\]|[^:[\]/]*):([^:/]*)$/.exec(text) ?? [];
    if (host === undefined) {
      const why = text.includes('/') ? 'a path has no wildcards' : 'expected host:port';
      throw new ChatosError('INVALID_ARGUMENT', `'${text}': ${why}`, { fields: { text } });
    }
    this.#patterns.push({ ...hostPattern(host), port: port === '*' ? undefined : readPort(port!) });
  }
}

function hostPattern(host: string): Omit<HostPattern, 'port'> {
  if (host === '*') return { glob: '*', matches: 'both' };
  if (!/[*?]/.test(host)) {
    const endpoint = parseEndpoint(`${host}:0`) as { readonly host: string };
    return { glob: endpoint.host, matches: isIP(endpoint.host) === 0 ? 'names' : 'addresses' };
  }
  const glob = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  // `[*]` would match names.
  if (glob !== host.toLowerCase() && !glob.includes(':')) {
    throw new ChatosError('INVALID_ARGUMENT', `'${host}': an IPv6 address stands in brackets`, {
      fields: { text: host },
    });
  }
  const ofDigits = /^[\d.*?]*\d[\d.*?]*$/.test(glob) || glob.includes(':');
  return { glob, matches: ofDigits ? 'addresses' : 'names' };
}
