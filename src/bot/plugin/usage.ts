import type { Duration } from '../../util/duration.ts';
import { formatLength } from '../../util/printable.ts';
import { boundMs, meaningOf } from './arg-values.ts';
import { patternsOf } from './callers.ts';
import { isFlag, isOptional } from './command-line.ts';
import type { ArgSpec, ArgSpecs, Command } from './commands.ts';

/** How a command is called, as `!roll [sides] <note…> [--force]`. */
export function usageOf(prefix: string, name: string, specs: ArgSpecs = {}): string {
  const entries = Object.entries(specs);
  const args = entries.filter(([, spec]) => !isFlag(spec)).map(([arg, spec]) => bracketed(argWord(arg, spec), spec));
  const flags = entries.filter(([, spec]) => isFlag(spec)).map(([flag, spec]) => bracketed(flagWord(flag, spec), spec));
  return [`${prefix}${name}`, ...args, ...flags].join(' ');
}

function bracketed(word: string, spec: ArgSpec): string {
  return isOptional(spec) ? `[${word}]` : isFlag(spec) ? word : `<${word}>`;
}

function argWord(arg: string, spec: ArgSpec): string {
  const what = spec.type === 'choice' ? spec.of.join('|') : arg;
  return spec.type === 'text' || spec.type === 'words' ? `${what}…` : what;
}

function flagWord(flag: string, spec: ArgSpec): string {
  const isOn = spec.type === 'boolean' && spec.default === true;
  const name = isOn ? `--no-${flag}` : `--${flag}`;
  const short = typeof spec.flag === 'string' && !isOn ? `-${spec.flag}|` : '';
  if (spec.type === 'boolean') return `${short}${name}`;
  return `${short}${name}=${spec.type === 'choice' ? spec.of.join('|') : spec.type}`;
}

/** What `!help` says of an argument. */
export function describeArg(spec: ArgSpec): string {
  const isOn = isFlag(spec) && spec.type === 'boolean';
  const facts = [
    spec.help,
    isOn ? undefined : meaningOf(spec) || undefined,
    'default' in spec && spec.default !== undefined ? `default ${defaultWord(spec)}` : undefined,
  ];
  const known = facts.filter((fact) => fact !== undefined);
  return known.length > 0 ? known.join(', ') : isOn ? 'a flag' : spec.type;
}

function defaultWord(spec: ArgSpec & { readonly default?: unknown }): string {
  return spec.type === 'duration' ? span(spec.default!) : String(spec.default);
}

/** Who may call a command, where, and how often, in words. */
export function limitsOf(command: Command): string[] {
  const { private: isPrivate, cooldown, from } = command;
  const { perUser, total } = cooldown ?? {};
  const patterns = patternsOf(command);
  return [
    ...(patterns ? [`for ${patterns.join(', ')}`] : typeof from === 'function' ? ['not for everyone'] : []),
    ...(isPrivate === undefined ? [] : [isPrivate ? 'only in private' : 'only in public']),
    ...(perUser === undefined ? [] : [`once in ${span(perUser)} for each user`]),
    ...(total === undefined ? [] : [`once in ${span(total)} in all`]),
  ];
}

function span(pause: Duration): string {
  return formatLength(boundMs(pause));
}
