import { examplesOf, type ExpectedAnswer } from '../bot/plugin/commands.ts';
import type { LoadedPlugin } from '../bot/loading/read-plugin.ts';
import { splitText } from '../client/split-text.ts';
import { isChatosError, messageOf } from '../errors.ts';
import { SILENT_LOGGER } from '../util/log.ts';
import type { TestBotOptions } from './options.ts';
import type { TestBot } from './test-bot.ts';
import { TestNetwork } from './test-network.ts';
import { isAsExpected, type TestUser } from './test-user.ts';

/** The user that sends examples that name none. */
const USER = 'ann';

/** The result of an example. */
export interface ExampleResult {
  /** The message to the bot, with its user where that is not `ann`; or the hook that failed before the first message. */
  readonly name: string;
  readonly ok: boolean;
  readonly expected: readonly (string | RegExp)[];
  readonly heard: readonly string[];
  /** Problems other than wrong answers. */
  readonly problems: readonly string[];
}

/** Whether a plugin has examples. */
export function hasExamples({ commands }: LoadedPlugin): boolean {
  return [...commands.values()].some((command) => examplesOf(command).length > 0);
}

/**
 * Runs the examples of a plugin's commands in their order, in a conversation with each user, with a fake clock: in
 * private, or to everyone where a command is not for private messages.
 *
 * @throws {ChatosError} as {@link TestNetwork.bot}
 */
export async function* runExamples(
  plugin: LoadedPlugin,
  options: Pick<TestBotOptions, 'options' | 'directory' | 'login'>,
): AsyncGenerator<ExampleResult> {
  const net = await TestNetwork.start({ clock: 'fake' });
  try {
    const examples = [...plugin.commands.values()].flatMap((command) => {
      const isPublic = command.private === false;
      return examplesOf(command).map(([name, answer, as = USER]) => ({ name, answer, as, isPublic }));
    });
    const users = new Map<string, TestUser>();
    // All are there before the bot: it may write to any of them.
    for (const login of new Set([USER, ...examples.map(({ as }) => as)])) users.set(login, await net.user(login));
    const bot = await net.bot(plugin.file, { ...options, log: SILENT_LOGGER });
    const started = await attempt(net, bot, users.get(USER)!, async () => undefined);
    if (started.problems.length > 0) yield { ...started, name: 'onStart', ok: false, expected: [] };
    let hanging: string | undefined;
    for (const { name: said, answer, as, isPublic } of examples) {
      const name = as === USER ? said : `${said} (by ${as})`;
      const expected = partsOf(answer);
      if (hanging !== undefined) {
        // It would wait for the one that hangs, which does not end.
        const problems = [`not run: '${hanging}' before it is still running`];
        yield { name, ok: false, expected, heard: [], problems };
        continue;
      }
      const user = users.get(as)!;
      const say = (): Promise<void> => (isPublic ? user.say(said) : user.tell(bot.login, said));
      const { heard, problems, stuck } = await attempt(net, bot, user, say);
      yield { name, ok: problems.length === 0 && answersMatch(expected, heard), expected, heard, problems };
      if (stuck) hanging = name;
    }
  } finally {
    await net.stop();
  }
}

interface Attempt {
  readonly heard: readonly string[];
  readonly problems: readonly string[];
  /** Whether it did not end. */
  readonly stuck: boolean;
}

async function attempt(net: TestNetwork, bot: TestBot, user: TestUser, say: () => Promise<void>): Promise<Attempt> {
  const heardBefore = user.heard.length;
  const failedBefore = bot.status.failures;
  const problems: string[] = [];
  let stuck = false;
  try {
    await say();
    await net.settled();
  } catch (error) {
    stuck = isChatosError(error, 'TIMED_OUT');
    problems.push(messageOf(error));
  }
  const heard = user.heard.slice(heardBefore).map(({ text }) => text);
  const { failures, errors } = bot.status;
  const failed = errors.slice(errors.length - Math.min(failures - failedBefore, errors.length));
  return { heard, problems: [...failed.map(({ hook, message }) => `${hook} failed: ${message}`), ...problems], stuck };
}

/** The messages of an answer: a long text becomes several. */
function partsOf(answer: ExpectedAnswer): (string | RegExp)[] {
  const answers = typeof answer === 'string' || answer instanceof RegExp ? [answer] : answer;
  return answers.flatMap<string | RegExp>((each) => (typeof each === 'string' ? splitText(each) : [each]));
}

function answersMatch(expected: readonly (string | RegExp)[], heard: readonly string[]): boolean {
  return expected.length === heard.length && expected.every((each, index) => isAsExpected(heard[index]!, each));
}
