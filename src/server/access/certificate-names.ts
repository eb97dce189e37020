import type { X509Certificate } from 'node:crypto';

/** The kinds of alternative names that a login may be. */
const KINDS: ReadonlySet<string> = new Set(['DNS', 'email', 'URI']);

/**
 * The names of a certificate's owner: its common name, and its alternative ones. One with several common names has none: which
 * of them its authority has looked at, nobody knows.
 */
export function namesOf(certificate: X509Certificate): string[] {
  const { subject } = certificate.toLegacyObject() as { readonly subject?: { readonly CN?: string | string[] } };
  const common = typeof subject?.CN === 'string' ? [subject.CN] : [];
  return [...common, ...alternativeNames(certificate.subjectAltName ?? '')];
}

/**
 * Reads the text that Node makes of alternative names: `DNS:alice, email:"a, DNS:bob"`. Whatever has a comma or a quote in it
 * is a JSON string there. Where something else is found than expected, nothing is believed.
 */
function alternativeNames(text: string): string[] {
  const names: string[] = [];
  const part = /([\w ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (!match) return [];
    const [, kind = '', value = ''] = match;
    if (!KINDS.has(kind)) continue;
    try {
      names.push(value.startsWith('"') ? String(JSON.parse(value)) : value);
    } catch {
      return [];
    }
  }
  return names;
}
