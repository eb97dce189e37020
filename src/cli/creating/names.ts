import { InvalidArgumentError } from 'commander';
import { loginProblem } from '../../protocol/login.ts';

/** Why a bot cannot have a name: it is a file's, and a login. */
export function botNameProblem(name: string): string | undefined {
  if (!/^[\p{L}\p{N}][\p{L}\p{N}_-]*$/u.test(name)) {
    return 'a name has letters, digits, - and _, and begins with a letter or a digit';
  }
  const problem = loginProblem(name);
  return problem === undefined ? undefined : `it is also the bot's login: ${problem}`;
}

export function botNameArgument(name: string): string {
  const problem = botNameProblem(name);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return name;
}

/** A package cannot have the name of one that it needs, nor that of the folder in which they are. */
const TAKEN = new Set(['chatosbot', 'typescript', 'node_modules']);

/** Why a project cannot have a name: it is that of a folder, a package, a service of systemd, and its bot. */
export function projectNameProblem(name: string): string | undefined {
  if (TAKEN.has(name)) return `a project cannot be called ${name}: one of its packages is`;
  if (/^[a-z][a-z0-9_-]*$/.test(name)) return botNameProblem(name);
  const better = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9_]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '');
  const hint = better === '' || projectNameProblem(better) !== undefined ? '' : `, such as ${better}`;
  return `a project's name has lower-case letters of ASCII, digits, - and _, and begins with a letter${hint}`;
}
