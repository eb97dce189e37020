import * as v from 'valibot';
import { COMMAND_PREFIX, DEFAULT_COMMAND_PREFIX, EXPECTED_PREFIX } from '../bot/plugin/commands.ts';
import { DEFAULT_HEARTBEAT_MS } from '../client/heartbeat.ts';
import { messageThrownBy } from '../errors.ts';
import { parseStatusAddress } from '../ops/status-address.ts';
import { parseAddress } from '../net/address.ts';
import { toAddresses } from '../net/address-list.ts';
import { parseNetwork } from '../net/networks.ts';
import { parseCron } from '../schedule/cron.ts';
import { CATCH_UPS, OVERLAPS } from '../schedule/schedule.ts';
import { SERVER_LIMIT_ROWS } from '../server/limits/server-limits.ts';
import { MAX_TIMER_MS } from '../util/clock.ts';
import { closest } from '../util/closest.ts';
import { ACCESS_ENTRIES } from './access-schema.ts';
import { CLUSTER_SCHEMA } from './cluster-schema.ts';
import { checked, limitEntries, loginText, parsed } from './checks.ts';
import { FLOOD_SCHEMA, ISOLATION_ENTRIES, LOOP_GUARD_SCHEMA } from './limit-schemas.ts';
import { POLICY_SCHEMA } from './policy-schema.ts';
import { EXPECTED_WORKERS, isWorkerCount } from './workers.ts';

const serverText = v.pipe(v.string(), checked(serverProblem));

/** One address, or several: from here on, they are one text. */
const server = (what: string) =>
  v.pipe(
    v.union(
      [
        serverText,
        v.pipe(
          v.array(serverText),
          v.transform((all) => all.join(',')),
          checked(serverProblem),
        ),
      ],
      "expected an address, or a list of addresses, or 'embedded'",
    ),
    v.description(what),
  );

function serverProblem(text: string): string | undefined {
  if (text === 'embedded') return undefined;
  if (!text.includes(',') && closest(text, ['embedded']))
    return `expected host:port, or embedded; did you mean 'embedded'?`;
  return messageThrownBy(() => toAddresses(text));
}

const statusText = (what: string) =>
  v.pipe(
    v.union([v.string(), v.number()], 'expected an address (host:port) or a port'),
    v.transform(String),
    checked((text) => messageThrownBy(() => parseStatusAddress(text))),
    v.description(what),
  );

const EXPECTED_IDENTITY = 'expected a file, two files, or false';
const identityFile = v.pipe(v.string(), v.minLength(1, 'name a file, or leave the key out'));

/** Certificates and keys: in one file, or in two. */
const identity = (what: string) =>
  v.pipe(
    v.union(
      [
        v.literal(false),
        identityFile,
        v.pipe(v.array(identityFile), v.minLength(1, EXPECTED_IDENTITY), v.maxLength(2, EXPECTED_IDENTITY)),
      ],
      EXPECTED_IDENTITY,
    ),
    v.description(`${what}: a PEM file, or two, relative to this file; false for none. Default: the user's own.`),
  );

const NO_WORKER = "has no effect without 'isolate: worker'";

const bot = v.union(
  [
    v.string(),
    v.pipe(
      v.strictObject({
        path: v.pipe(v.string(), v.description('The plugin file, relative to this configuration file.')),
        login: v.optional(loginText("The bot's own account.")),
        server: v.optional(
          server("The bot's own server: 'embedded', an address, or several. Default: the server above."),
        ),
        identity: v.optional(identity("The bot's own certificate and key for tls:// servers")),
        options: v.optional(
          v.pipe(
            // Not `v.record`: it drops keys such as `constructor`.
            v.custom<Readonly<Record<string, unknown>>>(isMapping, 'expected a mapping of keys to values'),
            v.description('Passed to the plugin as ctx.options.'),
          ),
        ),
        ...ISOLATION_ENTRIES,
      }),
      v.forward(
        v.check((each) => each.isolate !== undefined || each.memoryMb === undefined, NO_WORKER),
        ['memoryMb'],
      ),
      v.forward(
        v.check((each) => each.isolate !== undefined || each.stallMs === undefined, NO_WORKER),
        ['stallMs'],
      ),
    ),
  ],
  'expected the path of a plugin file, or { path, login?, server?, options?, isolate? }',
);

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const announcement = v.strictObject({
  cron: parsed((cron) => parseCron({ cron }), 'Five cron fields, or six with seconds in front.'),
  timeZone: v.optional(
    parsed((timeZone) => parseCron({ cron: '* * * * *', timeZone }), "An IANA time zone. Default: the system's."),
  ),
  catchUp: v.optional(
    v.pipe(
      v.picklist(CATCH_UPS, `expected one of ${CATCH_UPS.join(', ')}`),
      v.description('Which runs missed while the process was down are run later: none, last or all. Default: none.'),
    ),
  ),
  overlap: v.optional(
    v.pipe(
      v.picklist(OVERLAPS, `expected one of ${OVERLAPS.join(', ')}`),
      v.description('What happens at a time that comes while the last text is still being posted. Default: skip.'),
    ),
  ),
  text: v.pipe(v.string(), v.minLength(1, 'the text is empty'), v.description('What is posted.')),
  to: v.optional(loginText('To one login. Default: to everyone.')),
});

const { exempt, ...SERVER_LIMITS } = SERVER_LIMIT_ROWS;

const NETWORKS = v.pipe(
  v.array(parsed(parseNetwork, 'An address, or a network as 192.0.2.0/24.')),
  v.description(`${exempt.what} Default: none for serve, loopback for the embedded server.`),
);

const NO_PROXIES = "an address with ?proxy= lets only proxies connect, and there are none: name them in 'proxies'";

/** Whether only proxies may connect to an address. */
function expectsProxy(text: string): boolean {
  return messageThrownBy(() => parseAddress(text)) === undefined && parseAddress(text).proxy !== undefined;
}

const FILE = v.pipe(v.string(), v.minLength(1, 'name a file'));

const EXPECTED_HEARTBEAT = `expected false, or milliseconds, 1000 to ${MAX_TIMER_MS}`;

/** The configuration: one source for its types, its validation and `config.schema.json`. */
export const CONFIG_SCHEMA = v.strictObject({
  $schema: v.optional(v.pipe(v.string(), v.description('Where editors find the schema.'))),
  server: v.optional(
    server(
      "'embedded' (a server in this process), an address: host:port, or several of one server. Default: embedded.",
    ),
  ),
  login: v.optional(loginText('The account of bots without their own.')),
  identity: v.optional(identity('The certificate and key that bots and commands show to tls:// servers')),
  state: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1, 'name a directory, or leave the key out'),
      v.description("The directory of the bots' stores, relative to this file. Default: .chatosbot beside it."),
    ),
  ),
  status: v.optional(
    statusText('Where run serves its status over HTTP: host:port, or a port of 127.0.0.1. Default: nowhere.'),
  ),
  bots: v.optional(v.pipe(v.array(bot), v.description('The plugins that run loads.'))),
  policy: v.optional(v.pipe(POLICY_SCHEMA, v.description('Who may have a private connection with the bots.'))),
  heartbeatMs: v.optional(
    v.pipe(
      v.union(
        [
          v.literal(false),
          v.pipe(
            v.number(),
            v.integer(EXPECTED_HEARTBEAT),
            v.minValue(1_000, EXPECTED_HEARTBEAT),
            v.maxValue(MAX_TIMER_MS, EXPECTED_HEARTBEAT),
          ),
        ],
        EXPECTED_HEARTBEAT,
      ),
      v.description(
        `After how much silence a server is asked for a sign of life; false for never. Default: ${DEFAULT_HEARTBEAT_MS}.`,
      ),
    ),
  ),
  commandPrefix: v.optional(
    v.pipe(
      v.string(),
      v.regex(COMMAND_PREFIX, EXPECTED_PREFIX),
      v.description(`What commands begin with. Default: ${DEFAULT_COMMAND_PREFIX}`),
    ),
  ),
  flood: v.optional(
    v.pipe(FLOOD_SCHEMA, v.description('How fast each account may send messages; false for no limits.')),
  ),
  loopGuard: v.optional(
    v.pipe(LOOP_GUARD_SCHEMA, v.description('When a peer counts as a bot that answers every answer; false for never.')),
  ),
  announcements: v.optional(v.pipe(v.array(announcement), v.description('Texts posted on a schedule.'))),
  serve: v.optional(
    v.pipe(
      v.strictObject({
        listen: v.optional(
          v.pipe(
            v.array(
              parsed(
                (text) => parseAddress(text, 'listener'),
                '[tcp|tls]://host:port, with ?longBytes=8 for clients that write LONG in 8 bytes.',
              ),
            ),
            v.minLength(1, 'name an address, or leave the key out'),
            v.description('Where the server listens. Default: 127.0.0.1:7777.'),
          ),
        ),
        workers: v.optional(
          v.pipe(
            v.union(
              [
                v.literal('auto'),
                v.pipe(
                  v.number(),
                  v.check((count) => isWorkerCount(count), EXPECTED_WORKERS),
                ),
              ],
              EXPECTED_WORKERS,
            ),
            v.description('How many processes share the work of serve; auto for one a core. Default: 1.'),
          ),
        ),
        cluster: v.optional(
          v.pipe(CLUSTER_SCHEMA, v.description('The cluster that serve is a node of. Default: none.')),
        ),
        control: v.optional(
          v.pipe(
            v.union(
              [v.literal(false), v.pipe(v.string(), v.minLength(1, 'name a file, or leave the key out'))],
              'expected a path, or false',
            ),
            v.description(
              "The Unix socket for 'chatosbot ctl', relative to this file; false for none. Default: a private one, by its port.",
            ),
          ),
        ),
        tls: v.optional(
          v.pipe(
            v.strictObject({
              cert: v.pipe(FILE, v.description('The certificate, then those that lead to its authority, in PEM.')),
              key: v.pipe(FILE, v.description('The key of the certificate, in PEM, without a passphrase.')),
            }),
            v.description('For tls:// addresses; paths are relative to this file. Default: one of its own.'),
          ),
        ),
        lookAlikes: v.optional(
          v.pipe(
            v.picklist(['refuse', 'allow'], 'expected refuse or allow'),
            v.description('Whether a login may look like one in use: refuse or allow. Default: refuse.'),
          ),
        ),
        status: v.optional(statusText('Where serve serves its status over HTTP, as status for run. Default: nowhere.')),
        proxies: v.optional(
          v.pipe(
            v.array(parsed(parseNetwork, 'An address, or a network as 192.0.2.0/24.')),
            v.description('Proxies that may speak PROXY protocol, at addresses with ?proxy=. Default: none.'),
          ),
        ),
        ...ACCESS_ENTRIES,
        audit: v.optional(
          v.pipe(
            v.string(),
            v.minLength(1, 'name a file, or leave the key out'),
            v.description('The file that records who did what, relative to this file. Default: none.'),
          ),
        ),
        limits: v.optional(
          v.pipe(
            v.strictObject({ ...limitEntries(SERVER_LIMITS), exempt: v.optional(NETWORKS) }),
            v.description('The limits of the server; times in ms, sizes in bytes.'),
          ),
        ),
      }),
      v.forward(
        v.check(({ listen = [], proxies = [] }) => proxies.length > 0 || !listen.some(expectsProxy), NO_PROXIES),
        ['listen'],
      ),
      v.description('What serve and the embedded server listen on, who may come in, and their limits.'),
    ),
  ),
});

export type Config = v.InferOutput<typeof CONFIG_SCHEMA>;
