import { createHash } from 'node:crypto';
import process from 'node:process';

/** The longest name of one file, in bytes: what all usual file systems have. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4_096;
const MAX_DEPTH = 128;
/** What a file is called until it is complete: its name, and this. */
const PART_SUFFIX = '.chatosbot.part';

/** Names of devices in Windows, whatever stands behind a dot. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[1-9¹²³]|lpt[1-9¹²³])[ .]*(?:\..*)?$/i;
/** What a name must not have in Windows, where `:` leads to a device, or to a stream inside a file. */
const WINDOWS_FORBIDDEN = /[<>:"|?*\u0001-\u001F]|[ .]$/;

const isWindows = process.platform === 'win32';

/** Why nothing may be called so, anywhere; `undefined` where it may. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'an empty name';
  if (name === '.' || name === '..') return `the name '${name}' would lead out of the folder`;
  if (name.includes('/')) return `the name '${name}' is a path`;
  if (name.includes('\0')) return `the name '${name}' has a NUL in it`;
  if (isPartName(name)) return `the name '${name}' is that of an unfinished file`;
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `the name '${name.slice(0, 40)}…' is too long`;
  if (isWindows && (WINDOWS_FORBIDDEN.test(name) || name.includes('\\')))
    return `the name '${name}' is not possible here`;
  return undefined;
}

/** Whether a name is that of an unfinished file, also for file systems that do not tell case apart. */
export function isPartName(name: string): boolean {
  return name.normalize('NFKC').toLowerCase().endsWith(PART_SUFFIX);
}

/** Why a name means something else on other systems: it is refused unless the user allows such names. */
export function portabilityProblem(name: string): string | undefined {
  if (name.includes('\\')) return `the name '${name}' is a path in Windows`;
  if (DEVICE.test(name)) return `the name '${name}' is that of a device in Windows`;
  return undefined;
}

/** Why a path is too long, or leads too deep; `undefined` where it does not. */
export function sizeProblem(path: string): string | undefined {
  const shown = `the path '${path.slice(0, 40)}…'`;
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `${shown} has more than ${MAX_PATH_BYTES} bytes`;
  if (path.split('/').length > MAX_DEPTH) return `${shown} is more than ${MAX_DEPTH} names deep`;
  return undefined;
}

/** The names that a path has, or why it is none. */
export function splitPath(path: string): readonly string[] | { readonly problem: string } {
  if (path.startsWith('/')) return { problem: `the path '${path}' is absolute` };
  const tooLarge = sizeProblem(path);
  if (tooLarge !== undefined) return { problem: tooLarge };
  const names = path.split('/');
  for (const name of names) {
    const problem = nameProblem(name);
    if (problem !== undefined) return { problem: names.length === 1 ? problem : `${problem}, in '${path}'` };
  }
  return names;
}

/**
 * What two names have in common that some file system takes for the same: letters of either case, and either form of
 * Unicode.
 */
export function collisionKey(name: string): string {
  if (/^[ -~]*$/.test(name)) return name.toUpperCase();
  let key = '';
  for (const character of name.normalize('NFC')) {
    const upper = character.toUpperCase();
    // As file systems do: letter by letter, without those that become two.
    key += upper.length === character.length ? upper : character;
  }
  return key.normalize('NFC');
}

/**
 * Why a link may not be kept; `undefined` where it stays inside. It may go up first and then down, and not up again: a
 * folder on its way could itself be a link.
 *
 * @param depth how many folders of what is sent the link is in
 */
export function linkProblem(target: string, depth: number): string | undefined {
  if (target.startsWith('/') || target.includes('\0')) return 'it leads out of what is sent';
  if (isWindows && /[\\:]/.test(target)) return 'it leads out of what is sent';
  if (Buffer.byteLength(target) > MAX_PATH_BYTES) return 'it is too long';
  const names = target.split('/').filter((name) => name !== '' && name !== '.');
  const firstDown = names.findIndex((name) => name !== '..');
  const ups = firstDown < 0 ? names.length : firstDown;
  // The folder that was named is the top: what is beside it was not sent.
  if (ups >= depth) return 'it leads out of what is sent';
  if (names.slice(ups).includes('..')) return "it goes down and up again ('..' behind a name)";
  return undefined;
}

/** What a file is called until it is complete. A name that is too long for that is cut, and told from others by its hash. */
export function partName(name: string): string {
  if (Buffer.byteLength(name + PART_SUFFIX) <= MAX_NAME_BYTES) return name + PART_SUFFIX;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return cutName(name, `-${hash}${PART_SUFFIX}`);
}

/** Another name for a file: `photo-2.jpg`, `photo-3.jpg`. */
export function numberedName(name: string, number: number): string {
  const [, stem = name, extension = ''] = /^(.+?)((?:\.tar)?\.[^.]{1,16})$/s.exec(name) ?? [];
  return cutName(stem, `-${number}${extension}`);
}

/** The ending, and before it as much of the name as there is room for. */
function cutName(name: string, ending: string): string {
  const characters = Array.from(name);
  while (Buffer.byteLength(characters.join('') + ending) > MAX_NAME_BYTES) characters.pop();
  return characters.join('') + ending;
}
