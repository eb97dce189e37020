import { expect, test } from 'vitest';
import type { ApiItem } from './api-item.ts';
import { renderPage } from './api-page.ts';
import { readPublicApi } from './public-api.ts';

/** What may stay as it is for the time being: exports and members without a comment, and types that are not exported. */
const ALLOWED = new Set([
  'chatosbot: Awaitable',
  'chatosbot: MessageHandler',
  'chatosbot: LoadedPlugin.name',
  'chatosbot: LoadedPlugin.hooks',
  'chatosbot: LoadedPlugin.commands',
  'chatosbot: LoadedPlugin.schedule',
  'chatosbot: LoadedPlugin.optionsSchema',
  'chatosbot: OptionProblem.path',
  'chatosbot: OptionProblem.message',
  'chatosbot: BotEntry.plugin',
  'chatosbot: BotEntry.server',
  'chatosbot: RuntimeOptions',
  'chatosbot: RuntimeOptions.clock',
  'chatosbot: LoggedIn.names',
  'chatosbot: LoggedIn.login',
  'chatosbot: LoggedIn.server',
  'chatosbot: AccountStatus.login',
  'chatosbot: AccountStatus.server',
  'chatosbot: AccountStatus.plugins',
  'chatosbot: AccountStatus.channels',
  'chatosbot: ChannelStatus.peer',
  'chatosbot: ChannelStatus.openedAt',
  'chatosbot: ChannelStatus.bytesReceived',
  'chatosbot: ChannelStatus.bytesSent',
  'chatosbot: JobStatus.name',
  'chatosbot: JobStatus.cron',
  'chatosbot: JobStatus.timeZone',
  'chatosbot: PluginError.at',
  'chatosbot: PluginError.message',
  'chatosbot: PluginStatus.name',
  'chatosbot: PluginStatus.file',
  'chatosbot: PluginStatus.setAsideUntil',
  'chatosbot: PluginStatus.hooks',
  'chatosbot: PluginStatus.commands',
  'chatosbot: PluginStatus.failures',
  'chatosbot: PluginStatus.jobs',
  'chatosbot: RuntimeStatus.startedAt',
  'chatosbot: RuntimeStatus.accounts',
  'chatosbot: ArgSpec, ArgBase',
  'chatosbot: ArgValues, ValueOf',
]);

const { entries, unexported } = readPublicApi();
const items = entries.flatMap(({ name, symbols }) =>
  symbols.flatMap(({ declarations }) => declarations.map((item) => ({ entry: name, item }))),
);

/** `npm run api` writes the page anew. */
test('docs/api.md is what the doc comments of the public API generate (npm run api)', async () => {
  await expect(await renderPage(entries)).toMatchFileSnapshot('../../docs/api.md');
});

test('all that is exported has a doc comment, and so have its members', () => {
  const silent = items.flatMap(({ entry, item }) => undocumented(item).map((name) => `${entry}: ${name}`));
  expect(silent.filter((name) => !ALLOWED.has(name))).toEqual([]);
});

test('what the signatures of the public API name is exported too', () => {
  const hidden = items.flatMap(({ entry, item }) => namedTypes(item).map((name) => `${entry}: ${item.name}, ${name}`));
  expect([...new Set(hidden)].filter((name) => !ALLOWED.has(name))).toEqual([]);
});

/** What has no comment of a declaration and its members. One that can have a single value says by that what it is. */
function undocumented({ name, comment, members }: ApiItem): string[] {
  const silent = members.filter((member) => !member.comment && !/(: |= )(['"]).*\2;$/.test(member.signature));
  return [...(comment ? [] : [name]), ...silent.map((member) => `${name}.${member.name}`)];
}

/** The types of ours that a declaration names and that cannot be imported. */
function namedTypes({ signature, members }: ApiItem): string[] {
  const code = [signature, ...members.map((member) => member.signature)].join('\n');
  const words = code.replaceAll(/'[^'\n]*'|"[^"\n]*"|\/\*.*?\*\//gs, '').match(/(?<![.\w])[A-Z]\w*/g) ?? [];
  return words.filter((word) => unexported.has(word));
}
