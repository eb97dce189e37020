import type { Words } from './offers.ts';

/** A server that is slower than this offers nothing. */
const TIMEOUT_MS = 500;

/** What every shell takes as it is: strangers choose their logins, and `$(…)` may be one. */
const PLAIN = /^[\p{L}\p{N}_.@%+,][\p{L}\p{N}_.@%+,:/-]*$/u;

/** The logins, or the bans, of the running server that the words name; nothing where it does not answer. */
export async function askedOffers(what: 'logins' | 'bans', words: readonly string[]): Promise<Words> {
  try {
    const { ask } = await import('../ctl/socket.ts');
    const lines = await ask(
      { control: valueOf('--control', words), config: valueOf('--config', words) },
      { command: what },
      TIMEOUT_MS,
    );
    const found =
      what === 'bans' ? lines.map(({ what: banned }) => banned) : lines.flatMap(({ logins }) => logins as unknown[]);
    return found
      .filter((each): each is string => typeof each === 'string' && PLAIN.test(each))
      .map((each) => [each, '']);
  } catch {
    return [];
  }
}

function valueOf(option: string, words: readonly string[]): string | undefined {
  const joined = words.find((word) => word.startsWith(`${option}=`));
  if (joined !== undefined) return joined.slice(option.length + 1);
  const index = words.indexOf(option);
  return index < 0 ? process.env[option === '--control' ? 'CHATOSBOT_CONTROL' : 'CHATOSBOT_CONFIG'] : words[index + 1];
}
