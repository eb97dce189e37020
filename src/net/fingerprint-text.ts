/** What a fingerprint looks like, for messages. */
export const FINGERPRINT_FORM = "'sha256:' and 43 characters of base64url";

/** Bytes of a SHA-256. */
const BYTES = 32;

/**
 * The canonical text of a fingerprint: `sha256:` and base64url without padding. Other programs write plain base64, with
 * padding: that is read as well. Returns `undefined` where the text is no fingerprint.
 */
export function readFingerprint(text: string): string | undefined {
  const [, digits] = /^sha256:([\w+/-]{43})=?$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const wanted = digits.replaceAll('+', '-').replaceAll('/', '_');
  const bytes = Buffer.from(wanted, 'base64url');
  // The last digit has two bits that no byte has: one that is mistyped may have them.
  return bytes.length === BYTES && bytes.toString('base64url') === wanted ? `sha256:${wanted}` : undefined;
}

/** The form is right, and still it is none. */
export function lastDigitHint(text: string): string {
  const isForm = /^sha256:[\w+/-]{43}=?$/.test(text.trim());
  return isForm && readFingerprint(text) === undefined ? '; its last character is mistyped' : '';
}

/** What is wrong with a text that should be a fingerprint, with what is expected instead. */
export function fingerprintProblem(text: string): string | undefined {
  return readFingerprint(text) === undefined
    ? `'${text}' is not a fingerprint: expected ${FINGERPRINT_FORM}${lastDigitHint(text)}`
    : undefined;
}
