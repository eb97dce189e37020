import { isChatosError } from '../../errors.ts';

/** Why questions end before they are answered. */
export type EndReason = 'stop' | 'reload';

/**
 * What users are told when a question ends because the bot stops or is reloaded: the one who was asked, or who had called
 * the command that asked. `undefined` for any other error.
 */
export function lastWords(error: unknown, to: 'asked' | 'caller'): string | undefined {
  if (!isChatosError(error, 'INTERRUPTED')) return undefined;
  const isReload = error.fields['reason'] === ('reload' satisfies EndReason);
  const why = isReload ? 'I have been updated' : 'I am going offline';
  if (to === 'asked') return `${why}, and no longer wait for your answer.`;
  return `${why}: please ask again${isReload ? '' : ' later'}.`;
}
