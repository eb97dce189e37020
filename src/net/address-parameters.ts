import { DEFAULT_LONG_BYTES, type LongBytes } from '../protocol/limits.ts';
import { closest } from '../util/closest.ts';
import { FINGERPRINT_FORM, lastDigitHint, readFingerprint } from './fingerprint-text.ts';

/** Which versions of PROXY protocol are read on a listener (P20). */
export type ProxyProtocol = 'v1' | 'v2' | 'any';

/** What stands behind the `?` of an address. */
export interface AddressParameters {
  /** Bytes of a LONG there (P1). */
  readonly longBytes: LongBytes;
  /** The fingerprint that the server's key must have, `sha256:…`; it replaces the check by authorities and name. */
  readonly pin?: string | undefined;
  /** A PEM file of authorities that are trusted there, in place of the system's. */
  readonly ca?: string | undefined;
  /** The name that the server's certificate must have. @default the host */
  readonly name?: string | undefined;
  /** On a listener: what trusted proxies write first (P20). */
  readonly proxy?: ProxyProtocol | undefined;
}

/** What an address is for: some parameters are only for one of them. */
export type AddressUse = 'client' | 'listener';

type Name = keyof AddressParameters;

interface Parameter<Value> {
  /** @default both */
  readonly use?: AddressUse;
  /** Whether it has a meaning only on TLS. @default false */
  readonly tls?: boolean;
  /** The value, or `undefined` where the text has none. */
  readonly read: (text: string) => Value | undefined;
  readonly expected: string;
  /** What may be wrong with a text that has none, to go on with. */
  readonly hint?: (text: string) => string;
}

const HOST = /^[\p{L}\p{N}._:][\p{L}\p{N}._:%-]*$/u;

/** In the order in which they are written. */
const PARAMETERS: { readonly [N in Name]-?: Parameter<NonNullable<AddressParameters[N]>> } = {
  longBytes: { read: (text) => ([4, 8] as const).find((bytes) => String(bytes) === text), expected: '4 or 8' },
  pin: { use: 'client', tls: true, read: readFingerprint, expected: FINGERPRINT_FORM, hint: lastDigitHint },
  ca: { use: 'client', tls: true, read: (text) => text || undefined, expected: 'a file of certificates' },
  name: { use: 'client', tls: true, read: (text) => HOST.exec(text)?.[0], expected: 'a host' },
  proxy: {
    use: 'listener',
    read: (text) => (['v1', 'v2', 'any'] as const).find((version) => version === text),
    expected: 'v1, v2 or any',
  },
};

const NAMES = Object.keys(PARAMETERS) as Name[];

const USES: Readonly<Record<AddressUse, string>> = {
  client: "for clients; a server's key and certificate are not part of the address that it listens on",
  listener: 'for the address that a server listens on, not for clients',
};

/**
 * Reads what stands behind the `?`.
 *
 * @param invalid makes the error that is thrown where it is something else
 */
export function readParameters(
  query: string,
  isTls: boolean,
  use: AddressUse | undefined,
  invalid: (why: string) => Error,
): AddressParameters {
  const found = new Map<Name, unknown>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const [, written = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    const name = NAMES.find((each) => each === written);
    if (name === undefined) {
      const meant = closest(written, NAMES);
      throw invalid(`'${written}' is not a known parameter${meant === undefined ? '' : `; did you mean '${meant}'?`}`);
    }
    if (found.has(name)) throw invalid(`'${name}' is there twice`);
    const row: Parameter<unknown> = PARAMETERS[name];
    if (row.tls && !isTls) throw invalid(`'${name}' is for tls:// only`);
    if (row.use && use && row.use !== use) throw invalid(`'${name}' is ${USES[row.use]}`);
    const read = row.read(decode(value) ?? '');
    if (read === undefined) throw invalid(`${name} is ${row.expected}, not '${value}'${row.hint?.(value) ?? ''}`);
    found.set(name, read);
  }
  return { longBytes: DEFAULT_LONG_BYTES, ...(Object.fromEntries(found) as Partial<AddressParameters>) };
}

/** The canonical text of the parameters, with its `?`; empty where all have their defaults. */
export function formatParameters(parameters: AddressParameters): string {
  const parts = NAMES.flatMap((name) => {
    const value = parameters[name];
    if (value === undefined || (name === 'longBytes' && value === DEFAULT_LONG_BYTES)) return [];
    return [`${name}=${encode(String(value))}`];
  });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** What would end the parameter, the address among several, or the word that it is; the rest stays readable. */
function encode(value: string): string {
  return value.replaceAll(/[%&#,\s\p{Cc}]/gu, (character) => encodeURIComponent(character));
}

/** `+` stays what it is: file names have it. */
function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
