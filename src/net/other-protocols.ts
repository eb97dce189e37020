import { ChatosError } from '../errors.ts';
import { proxyVersionOf } from './proxy-header.ts';

/** What bytes are that begin where a packet should, and are none: the operator is helped by its name. */
function protocolOf(bytes: Buffer): string | undefined {
  // A record of TLS: its kind, 3 and the minor version.
  if (bytes[0] === 0x16 && bytes[1] === 3) return 'this is a TLS client at a plain port';
  if (bytes[0] === 0x15 && bytes[1] === 3) return 'this is an alert of TLS: the port is for tls://';
  const version = proxyVersionOf(bytes);
  return version && `this is PROXY protocol ${version}, at a listener without proxy=${version}`;
}

/** The error of a malformed packet, with what its bytes rather are, where that shows. */
export function nameProtocol(error: ChatosError, bytes: Buffer): ChatosError {
  const name = error.fields['opcode'] === bytes[0] ? protocolOf(bytes) : undefined;
  if (name === undefined) return error;
  return new ChatosError(error.code, `${name} (${error.message})`, { fields: error.fields });
}
