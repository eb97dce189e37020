import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { ChatosError, messageOf } from '../../errors.ts';
import type { Address } from '../../net/address.ts';
import { quote } from '../../util/quote.ts';

/** The longest file name that is not shortened; most file systems take 255 bytes. */
const MAX_NAME = 200;

/** Names that Windows keeps for devices, whatever stands behind a dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?![^.])/;

/**
 * The folder of the store of a bot, such as `dice@dice` or `dice@robot@chat.example.org:7777`. Two ids never share one,
 * also where the file system takes upper and lower case for the same.
 */
export function storeDirectory(stateDirectory: string, id: string): string {
  return path.join(storesFolder(stateDirectory), fileNameOf(id));
}

/** A bot that has a store. */
export interface StoreOwner {
  /** That of its plugin. */
  readonly name: string;
  /** @default its name */
  readonly login?: string | undefined;
  /** Of its server, the first. */
  readonly address: Pick<Address, 'host' | 'port'>;
}

/** What the stores of bots are called. Two of one plugin and login keep apart: by the address of their server, else by a number. */
export function storeIds(bots: readonly StoreOwner[]): string[] {
  const taken = new Set<string>();
  return bots.map(({ name, login = name, address: { host, port } }) => {
    const base = `${name}@${login}`;
    const full = `${base}@${host}:${port}`;
    let id = taken.has(base) ? full : base;
    for (let number = 2; taken.has(id); number += 1) id = `${full}#${number}`;
    taken.add(id);
    return id;
  });
}

/** A store as it is found on disk. */
export interface FoundStore {
  /** Its bot; of an id that is too long for a file name, the name of its folder. */
  readonly id: string;
  readonly directory: string;
}

/**
 * The stores of a state directory, by id; none where there is no such directory.
 *
 * @throws {ChatosError} `STORE_UNAVAILABLE` where it cannot be read, or is no directory
 */
export async function findStores(stateDirectory: string): Promise<FoundStore[]> {
  const folder = storesFolder(stateDirectory);
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ChatosError('STORE_UNAVAILABLE', `${folder} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return names
    .map((name) => ({ id: idOf(name), directory: path.join(folder, name) }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Where the files of a store are kept that was repaired at a time, as they were before. */
export function keptDirectory(directory: string, now: Date): string {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  return path.join(stateOf(directory), 'damaged-stores', `${path.basename(directory)}-${time}`);
}

/** What repairs the store in a directory, to be pasted into a shell. */
export function repairCommand(directory: string): string {
  const words = [idOf(path.basename(directory)), '--state', stateOf(directory)];
  return ['chatosbot store repair', ...words.map(quote)].join(' ');
}

const stateOf = (directory: string): string => path.dirname(path.dirname(directory));

const storesFolder = (stateDirectory: string): string => path.join(stateDirectory, 'stores');

function fileNameOf(id: string): string {
  const escaped = id
    .replace(/[^a-z0-9@._-]|^\.|\.$/gu, escapeBytes)
    .replace(DEVICE, (name) => escapeBytes(name[0]!) + name.slice(1));
  if (escaped.length <= MAX_NAME) return escaped;
  // No escape looks like `%~`, so no other id has this name.
  return `${escaped.slice(0, 100)}%~${createHash('sha256').update(id).digest('hex')}`;
}

function idOf(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function escapeBytes(text: string): string {
  return Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
