import type { Command } from 'commander';
import { findStores, keptDirectory, storeDirectory } from '../../bot/store/directory.ts';
import { exportStore, importStore, readLines } from '../../bot/store/export.ts';
import { deleteStore } from '../../bot/store/files.ts';
import { PluginStore } from '../../bot/store/plugin-store.ts';
import { repairStore } from '../../bot/store/repair.ts';
import { loadConfig } from '../../config/load.ts';
import { stateDirectory } from '../../config/settings.ts';
import { ChatosError, isChatosError } from '../../errors.ts';
import { escapeUnsafe, toJsonLine } from '../../util/escape.ts';
import { formatBytes } from '../../util/printable.ts';
import { exitFor, ExitSignal } from '../terminal/exit.ts';
import { standardInput } from '../terminal/input.ts';
import { groupOptions } from '../group-options.ts';
import { configOption, stateOption } from '../options.ts';
import { notice, noticeError, writeLine } from '../terminal/output.ts';

interface StoreFlags {
  readonly state?: string;
  readonly config?: string;
}

const BOT = "the bot: its name, its login, or its id in 'store list'";

export function register(command: Command): void {
  const addOptions = groupOptions(command, () => [stateOption(), configOption()]);
  const add = (usage: string, summary: string, example: string): Command => {
    const added = addOptions(command.command(usage).description(summary));
    return added.addHelpText('after', `\nExamples:\n  $ chatosbot store ${example}`);
  };
  add('list', 'list the stores, with their entries and size', 'list --json')
    .option('--json', 'print a line of JSON for each store')
    .action(list);
  add('export', 'print the entries of a store as lines of JSON', 'export dice > dice.ndjson')
    .argument('<bot>', BOT)
    .action(exportTo);
  add('import', 'import such lines from standard input: all of them, or none', 'import dice < dice.ndjson')
    .argument('<bot>', BOT)
    .option('--replace', 'replace the entries that the store has')
    .action(importFrom);
  add('repair', 'save what can be read of a damaged store; its files are kept as they were', 'repair dice')
    .argument('<bot>', BOT)
    .option('--json', 'print a line of JSON that reports what was done')
    .action(repair);
  add('delete', 'delete a store', 'delete dice').argument('<bot>', BOT).action(remove);
  command.addHelpText(
    'after',
    `
Examples:
  $ chatosbot store list
  $ chatosbot store export dice > dice.ndjson
  $ chatosbot store import dice --replace < dice.ndjson
  $ chatosbot store repair dice

Only one process can open a store: stop the bot first.`,
  );
}

async function list(flags: StoreFlags & { readonly json?: boolean }): Promise<void> {
  const state = await findState(flags);
  const stores = await findStores(state);
  if (stores.length === 0) notice(`no stores in ${state}`);
  let failed: number | undefined;
  for (const { id, directory } of stores) {
    try {
      const usage = await withStore(directory, (store) => store.usage());
      await writeLine(flags.json ? toJsonLine({ bot: id, directory, inUse: false, ...usage }) : row(id, usage));
    } catch (error) {
      if (!isChatosError(error, 'STORE_UNAVAILABLE') && !isChatosError(error, 'STORE_DAMAGED')) throw error;
      const inUse = error.fields['inUse'] === true;
      if (inUse)
        await writeLine(flags.json ? toJsonLine({ bot: id, directory, inUse }) : `${escapeUnsafe(id)}\tin use`);
      else noticeError(error.message, error, flags.json === true);
      if (!inUse) failed = exitFor(error).code;
    }
  }
  if (failed !== undefined) throw new ExitSignal(failed);
}

function row(id: string, { entries, bytes }: { readonly entries: number; readonly bytes: number }): string {
  return `${escapeUnsafe(id)}\t${formatEntries(entries)}\t${formatBytes(bytes)}`;
}

const formatEntries = (entries: number): string => `${entries} ${entries === 1 ? 'entry' : 'entries'}`;

async function exportTo(bot: string, flags: StoreFlags): Promise<void> {
  const { directory } = await findStore(bot, await findState(flags));
  await withStore(directory, async ({ store }) => {
    for await (const line of exportStore(store)) await writeLine(line);
  });
}

async function importFrom(bot: string, flags: StoreFlags & { readonly replace?: boolean }): Promise<void> {
  const state = await findState(flags);
  const found = await findStore(bot, state, { orNew: true });
  const count = await withStore(found.directory, ({ store }) =>
    importStore(store, readLines(standardInput()), { replace: flags.replace ?? false }),
  );
  notice(`${found.id}: ${formatEntries(count)} imported`);
}

async function repair(bot: string, flags: StoreFlags & { readonly json?: boolean }): Promise<void> {
  const { id, directory } = await findStore(bot, await findState(flags));
  const kept = keptDirectory(directory, new Date());
  const { repaired, entries, bytes, lostEntries } = await repairStore(directory, kept);
  if (flags.json) {
    await writeLine(
      toJsonLine({ bot: id, directory, repaired, entries, bytes, lostEntries, keptIn: repaired ? kept : undefined }),
    );
    return;
  }
  const found = `${formatEntries(entries)}, ${formatBytes(bytes)}`;
  if (!repaired) return notice(`${id}: not damaged (${found})`);
  const lost = lostEntries === undefined ? 'how many are lost is unknown' : `${lostEntries} could not be read`;
  notice(`${id}: repaired (${found}; ${lost}); some may have an earlier value`);
  notice(`${id}: the files as they were before are in ${kept}`);
}

async function remove(bot: string, flags: StoreFlags): Promise<void> {
  const { id, directory } = await findStore(bot, await findState(flags));
  await deleteStore(directory);
  notice(`${id}: deleted`);
}

async function findState({ state, config }: StoreFlags): Promise<string> {
  return stateDirectory(state, await loadConfig({ file: config }));
}

/** The store that is meant: by its full id, or by the bot's name, else its login, where only one has it. */
async function findStore(
  bot: string,
  state: string,
  { orNew = false } = {},
): Promise<{ id: string; directory: string }> {
  if (bot === '') throw new ChatosError('INVALID_ARGUMENT', 'name the bot whose store is meant');
  const stores = await findStores(state);
  const directory = storeDirectory(state, bot);
  const exact = stores.find((store) => store.id === bot || store.directory === directory);
  if (exact) return { ...exact, id: bot };
  const called = stores.filter(({ id }) => id.startsWith(`${bot}@`));
  const named = called.length > 0 ? called : stores.filter(({ id }) => id.split('@')[1] === bot);
  if (named.length === 1) return named[0]!;
  if (named.length > 1) {
    const which = named.map(({ id }) => id).join(', ');
    throw new ChatosError('INVALID_ARGUMENT', `several stores are of ${bot}: say which of ${which}`);
  }
  // A bot without a login of its own logs in under its name.
  const id = bot.includes('@') ? bot : `${bot}@${bot}`;
  if (orNew) return { id, directory: storeDirectory(state, id) };
  const known = stores.length === 0 ? 'there are none' : `there are ${stores.map((store) => store.id).join(', ')}`;
  throw new ChatosError('INVALID_ARGUMENT', `${bot} has no store in ${state}: ${known}`);
}

/** Opens a store for the time of a command; a bot that has it keeps it. */
async function withStore<T>(directory: string, use: (store: PluginStore) => Promise<T>): Promise<T> {
  const store = new PluginStore({ directory, lockTimeoutMs: 0 });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
