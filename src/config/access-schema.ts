import * as v from 'valibot';
import { fingerprintProblem } from '../net/fingerprint-text.ts';
import { networkProblem } from '../net/networks.ts';
import { loginProblem } from '../protocol/login.ts';
import { checked } from './checks.ts';

/** One text, or a list with some. */
const someTexts = (problem: (text: string) => string | undefined, what: string) => {
  const text = v.pipe(v.string(), checked(problem));
  const list = v.pipe(v.array(text), v.minLength(1, 'name one, or leave the key out'));
  return v.pipe(v.union([text, list], 'expected a text or a list of texts'), v.description(what));
};

/** A pattern that no login can match is a mistake, and a dangerous one in a list of logins to refuse. */
function patternProblem(text: string): string | undefined {
  if (text === '') return 'a pattern is not empty';
  // What the wildcards may stand for at least, and something in their places that is seen.
  const [least, seen] = ['', 'x'].map((any) => text.replaceAll('*', any).replaceAll('?', 'x'));
  const problem = loginProblem(seen!) && loginProblem(least!);
  return problem && `'${text}' matches nobody: ${problem}`;
}

const NETWORKS = 'Addresses and networks, as 192.0.2.0/24.';
const FINGERPRINTS = "Fingerprints of clients' keys: sha256:…, as 'chatosbot identity' prints them.";

const list = v.strictObject({
  from: v.optional(someTexts(networkProblem, NETWORKS)),
  login: v.optional(someTexts(patternProblem, 'Logins; * and ? are wildcards.')),
  identity: v.optional(someTexts(fingerprintProblem, FINGERPRINTS)),
});

const rule = v.strictObject({
  login: someTexts(patternProblem, 'The logins; * and ? are wildcards.'),
  identity: v.optional(someTexts(fingerprintProblem, `${FINGERPRINTS} Default: any key, or none.`)),
  ca: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1, 'name a file, or leave the key out'),
      v.description(
        'A file with certificates of authorities, relative to this one: they must have issued that of the client, in the name of the login. Default: any certificate, or none.',
      ),
    ),
  ),
  from: v.optional(someTexts(networkProblem, `${NETWORKS} Default: from anywhere.`)),
});

/** Who may come in. */
export const ACCESS_ENTRIES = {
  logins: v.optional(
    v.pipe(
      v.array(rule),
      v.description("Whose which logins are: the first rule that has the login decides. Default: all are anyone's."),
    ),
  ),
  deny: v.optional(v.pipe(list, v.description('Anyone who matches any of these is refused. Default: nobody.'))),
  allow: v.optional(
    v.pipe(list, v.description('Anyone who does not match all that is given here is refused. Default: nobody.')),
  ),
  halves: v.optional(
    v.pipe(
      v.picklist(['anywhere', 'parties'], 'expected anywhere or parties'),
      v.description(
        'Where the connections of a private connection may come from: anywhere, or only the address, or with the certificate, of one of its parties. Default: anywhere.',
      ),
    ),
  ),
};
