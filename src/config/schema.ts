import * as v from 'valibot';
import { messageOf } from '../errors.ts';
import { parseAddress } from '../net/address.ts';
import { POLICY_DECISIONS } from '../policy/policy.ts';
import { loginProblem } from '../protocol/login.ts';
import { parseCron } from '../schedule/cron.ts';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from '../server/options.ts';

/** What is right unless the function says why not; the reason becomes the message of the error. */
function checked(problem: (text: string) => string | undefined) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const message = problem(dataset.value);
    if (message !== undefined) addIssue({ message });
  });
}

const thrown = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
};

const address = (what: string) =>
  v.pipe(
    v.string(),
    checked((text) => thrown(() => parseAddress(text))),
    v.description(what),
  );

const loginText = (what: string) =>
  v.pipe(
    v.string(),
    checked((text) => {
      const problem = loginProblem(text);
      return problem && `'${text}' is not a login: ${problem}`;
    }),
    v.description(what),
  );

const patterns = (what: string) =>
  v.pipe(v.array(v.pipe(v.string(), v.minLength(1, 'a login pattern is not empty'))), v.description(what));

const bot = v.union(
  [
    v.string(),
    v.strictObject({
      path: v.pipe(v.string(), v.description('The plugin file, relative to this configuration file.')),
      login: v.optional(loginText("The bot's own account.")),
      options: v.optional(
        v.pipe(
          v.custom<object>((value) => !Array.isArray(value), 'expected a mapping of keys to values, found a list'),
          v.record(v.string(), v.unknown()),
          v.description('Handed to the plugin as bot.options.'),
        ),
      ),
    }),
  ],
  'expected the path of a plugin file, or { path, login?, options? }',
);

const policy = v.strictObject({
  default: v.optional(
    v.pipe(
      v.picklist(POLICY_DECISIONS, `expected one of ${POLICY_DECISIONS.join(', ')}`),
      v.description("Where neither list matches: ask leaves it to the plugin's onPrivateRequest. Default: ask."),
    ),
  ),
  allow: v.optional(patterns('Logins to accept; * and ? are wildcards.')),
  deny: v.optional(patterns('Logins to refuse, before allow is looked at.')),
});

const announcement = v.pipe(
  v.strictObject({
    cron: v.pipe(v.string(), v.description('Five cron fields, or six with seconds in front.')),
    timeZone: v.optional(v.pipe(v.string(), v.description("An IANA time zone. Default: the system's."))),
    text: v.pipe(v.string(), v.minLength(1, 'the text is empty'), v.description('What is posted.')),
    to: v.optional(loginText('To one login. Default: to everyone.')),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { cron, timeZone } = dataset.value;
    for (const [key, when] of [
      ['cron', { cron }],
      ['timeZone', { cron: '* * * * *', timeZone }],
    ] as const) {
      const message = thrown(() => parseCron(when));
      if (message === undefined) continue;
      const item = { type: 'object', origin: 'value', input: dataset.value, key, value: dataset.value[key] } as const;
      addIssue({ message, path: [item] });
    }
  }),
);

/** What a timer can hold: 24 days in milliseconds. */
const MAX_LIMIT = 2 ** 31 - 1;

const limit = (value: number) =>
  v.optional(
    v.pipe(
      v.number(),
      v.integer('expected a whole number'),
      v.minValue(1, 'expected 1 or more'),
      v.maxValue(MAX_LIMIT, `expected ${MAX_LIMIT} or less`),
      v.description(`Default: ${value}.`),
    ),
  );

const limits = Object.fromEntries(
  Object.entries(DEFAULT_SERVER_LIMITS).map(([name, value]) => [name, limit(value)]),
) as Record<keyof ServerLimits, ReturnType<typeof limit>>;

/** The configuration: one source for its types, its validation and `config.schema.json`. */
export const CONFIG_SCHEMA = v.strictObject({
  $schema: v.optional(v.pipe(v.string(), v.description('Where editors find the schema.'))),
  server: v.optional(
    v.pipe(
      v.string(),
      checked((text) => (text === 'embedded' ? undefined : thrown(() => parseAddress(text)))),
      v.description("'embedded' (a server in this process) or an address: host:port. Default: embedded."),
    ),
  ),
  login: v.optional(loginText('The account of bots that have none of their own.')),
  state: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1, 'name a directory, or leave the key out'),
      v.description('The directory of what bots keep, relative to this file. Default: .chatosbot beside it.'),
    ),
  ),
  bots: v.optional(v.pipe(v.array(bot), v.description('The plugins that run loads.'))),
  policy: v.optional(v.pipe(policy, v.description('Who may have a private connection with the bots.'))),
  announcements: v.optional(v.pipe(v.array(announcement), v.description('Texts posted on a schedule.'))),
  serve: v.optional(
    v.pipe(
      v.strictObject({
        listen: v.optional(
          v.pipe(
            v.array(address('host:port, with ?longBytes=8 for clients that write LONG in 8 bytes.')),
            v.minLength(1, 'name an address, or leave the key out'),
            v.description('Where the server listens. Default: 127.0.0.1:7777.'),
          ),
        ),
        limits: v.optional(
          v.pipe(v.strictObject(limits), v.description('What the server bounds; times in ms, sizes in bytes.')),
        ),
      }),
      v.description('What serve and the embedded server listen on, and their limits.'),
    ),
  ),
});

export type Config = v.InferOutput<typeof CONFIG_SCHEMA>;
