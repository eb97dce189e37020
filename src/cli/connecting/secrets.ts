import process from 'node:process';
import { InvalidArgumentError, Option } from 'commander';
import { ChatosError, messageOf } from '../../errors.ts';
import type { Code } from '../../transfer/secure/codes.ts';
import { parseSecret, type ChannelSecret } from '../../transfer/secure/secret.ts';
import { quote } from '../../util/quote.ts';
import { readInput } from '../../util/read-input.ts';
import { hideArguments } from './hidden-arguments.ts';
import { warnOfReaders } from './readers.ts';

/** The options of commands that can encrypt a private connection. */
export interface SecretFlags {
  /** A file. */
  readonly secret?: string;
  /** `true` where one is to be made. */
  readonly code?: string | true;
}

/** Holds a secret itself, as `chatosbot secret` prints it. */
const VARIABLE = 'CHATOSBOT_SECRET';
/** A secret is one line. */
const MAX_FILE_BYTES = 1_024;

/** Each command that encrypts has these. */
export const secretOptions = (): readonly [secret: Option, code: Option] => [
  new Option(
    '--secret <file>',
    `encrypt from end to end, by a secret that both sides have: see 'chatosbot secret' (env: ${VARIABLE}, the secret itself)`,
  ).argParser((file) => {
    if (file === '') throw new InvalidArgumentError('name a file, or leave it out');
    return file;
  }),
  new Option(
    '--code [code]',
    'encrypt from end to end, by a short code for one private connection: without a code, makes one and prints it',
  ),
];

/** What is wrong with the flags, if anything. */
export function secretMistake({ secret, code }: SecretFlags): string | undefined {
  return secret !== undefined && code !== undefined ? 'use --secret or --code, not both' : undefined;
}

/** The secret that the flags name, else that of the environment; the code, where it was made here. */
export interface FoundSecret {
  readonly secret: ChannelSecret;
  readonly made?: Code;
}

/**
 * Finds the secret, before anything is done. The environment does not keep it: processes that are started do not get it.
 *
 * @throws {ChatosError} `INVALID_ARGUMENT` where it cannot be used; the message does not show it
 */
export async function findSecret({ secret: file, code }: SecretFlags): Promise<FoundSecret | undefined> {
  const inherited = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (code !== undefined) return findCode(code);
  if (file !== undefined) return { secret: keyIn(await readSecretFile(file), quote(file)) };
  // An empty one is an error, too: it is what is left of a command that could not read the secret.
  return inherited === undefined ? undefined : { secret: keyIn(inherited, VARIABLE) };
}

/** The list of words is loaded for those who use a code. */
async function findCode(code: string | true): Promise<FoundSecret> {
  const { makeCode, parseCode } = await import('../../transfer/secure/codes.ts');
  if (code === true) {
    const made = makeCode();
    return { secret: { kind: 'code', code: made.words }, made };
  }
  hideArguments([code]);
  try {
    return { secret: { kind: 'code', code: parseCode(code).words } };
  } catch (error) {
    const message = `--code: ${messageOf(error)}; to make a code, put --code last`;
    throw new ChatosError('INVALID_ARGUMENT', message, { cause: error });
  }
}

function keyIn(text: string, where: string): ChannelSecret {
  try {
    return parseSecret(text);
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `no secret in ${where}: ${messageOf(error)}`, { cause: error });
  }
}

/** It may be a pipe, as a shell makes of `<(pass show backup)`. */
async function readSecretFile(file: string): Promise<string> {
  try {
    await warnOfReaders(file, 'a secret');
    return (await readInput(file, MAX_FILE_BYTES)).toString();
  } catch (error) {
    throw new ChatosError('INVALID_ARGUMENT', `cannot read the secret: ${messageOf(error)}`, { cause: error });
  }
}
