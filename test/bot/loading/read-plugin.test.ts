/** What is wrong with the parts of a plugin is told when it is loaded: nothing else looks at a plugin in JavaScript. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readPlugin } from '../../../src/bot/loading/read-plugin.ts';

const run = (): void => undefined;

/** What is said of a plugin with these parts, a line for each thing. */
function complaints(parts: object): string[] {
  try {
    readPlugin({ default: parts }, { name: 'x', file: '/x.ts', shown: 'x.ts' });
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace('x.ts: ', ''));
  }
  return [];
}

describe('a command', () => {
  const complaintsOf = (command: object): string[] =>
    complaints({ commands: { roll: command } }).map((line) => line.replace('commands.roll: ', ''));

  it.each<[string, object, string]>([
    ['an unknown key', { exampels: {} }, "unknown key 'exampels'; did you mean 'examples'?"],
    [
      'an answer that is none',
      { examples: { '!roll': 5 } },
      "the answer to '!roll' must be a text, a regular expression, or a list of them",
    ],
    [
      'a list of what is no answer',
      { examples: { '!roll': ['a', null] } },
      "the answer to '!roll' must be a text, a regular expression, or a list of them",
    ],
    ['an example of nothing', { examples: { '': 'x' } }, 'the message of an example is empty'],
    [
      'examples that are no pairs',
      { examples: ['!roll', '4'] },
      'examples must be { message: answer }, or a list of [message, answer, login?]',
    ],
    [
      'an example of a user that cannot be',
      { examples: [['!roll', '4', ' bob']] },
      "the user of the example '!roll' is not a login: it starts or ends with white space",
    ],
    [
      'an example of a user that is no text',
      { examples: [['!roll', '4', 5]] },
      "the user of the example '!roll' is not a login: it is not a text",
    ],
    [
      'an example that is a number',
      { examples: { '!book': 'How long?', 10: 'Booked.' } },
      "the example '10' would run first, as JavaScript puts numeric keys first; use a list of [message, answer]",
    ],
  ])('with %s is turned down', (_, command, complaint) => {
    expect(complaintsOf({ help: 'rolls', run, ...command })).toEqual([complaint]);
  });

  it.each<[string, object, string]>([
    [
      'an unknown key',
      { type: 'integer', minimum: 1 },
      "unknown key 'minimum'; expected one of type, help, optional, flag, min, max, default",
    ],
    [
      'a key of another type',
      { type: 'word', min: 1 },
      "unknown key 'min'; expected one of type, help, optional, flag, schema, default",
    ],
    ['a limit that is a text', { type: 'number', max: '6' }, 'max is not a number'],
    ['limits that nothing fits', { type: 'number', min: 2, max: 1 }, 'min is 2, which is more than max, 1'],
    ['optional that is a text', { type: 'word', optional: 'no' }, 'optional must be true or false'],
    ['a choice of no texts', { type: 'choice', of: [1, 2] }, "a choice needs 'of', a list of words"],
    ['a help that is no text', { type: 'word', help: 5 }, 'help is not a text'],
  ])('with an argument with %s is turned down', (_, spec, complaint) => {
    expect(complaintsOf({ help: 'rolls', args: { sides: spec }, run })).toEqual([`args.sides: ${complaint}`]);
  });

  it.each<[what: string, parts: object, complaint: string]>([
    [
      'an alias with a sign',
      { aliases: ['r!'] },
      "alias 'r!': it is a word of at most 32 letters, digits, - and _, or up to three",
    ],
    ['the alias help', { aliases: ['help me'] }, 'help is built in: it lists the commands'],
    ['aliases that are no list', { aliases: 'r' }, 'aliases must be a list of names'],
    ['callers that are none', { from: 7 }, 'from must be a login pattern, a list of them, or a function'],
    ['a place that is none', { private: 'yes' }, 'private must be true or false'],
    ['a cooldown that is none', { cooldown: '30s' }, 'cooldown must be { perUser?, total? }'],
    [
      'an unknown cooldown',
      { cooldown: { peruser: '30s' } },
      "cooldown: unknown key 'peruser'; did you mean 'perUser'?",
    ],
    [
      'a cooldown without an end',
      { cooldown: { perUser: Infinity } },
      'cooldown.perUser is not a length of time, such as 30s',
    ],
    [
      'a cooldown without a length',
      { cooldown: { total: 'long' } },
      'cooldown.total is not a length of time, such as 30s',
    ],
  ])('with %s is turned down', (_, parts, complaint) => {
    expect(complaintsOf({ help: 'rolls', run, ...parts })).toEqual([complaint]);
  });

  it('is told all that is wrong with it', () => {
    const args = { a: { type: 'integer', min: '1' }, b: { type: 'colour' }, c: { type: 'word', of: [] } };
    expect(complaintsOf({ args, runs: run })).toEqual([
      "unknown key 'runs'; did you mean 'run'?",
      'run is missing',
      'help is missing: say what the command does',
      'args.a: min is not a number',
      'args.b: type must be one of word, text, words, integer, number, boolean, choice, duration, date, login',
      "args.c: unknown key 'of'; expected one of type, help, optional, flag, schema, default",
    ]);
  });
});

describe('a schedule', () => {
  it('with an unknown key is turned down: it would run by the clocks of the system', () => {
    const schedule = { tick: { cron: '0 9 * * *', timezone: 'UTC', run } };
    expect(complaints({ schedule })).toEqual(["schedule.tick: unknown key 'timezone'; did you mean 'timeZone'?"]);
  });

  it('is told all that is wrong with it', () => {
    const schedule = { tick: { cron: 'x', timeZone: 'Mars', catchUp: 'some', overlap: 'no' } };
    expect(complaints({ schedule })).toEqual([
      'schedule.tick: run is missing or not a function',
      "schedule.tick: invalid value 'some' of catchUp; expected one of none, last, all",
      "schedule.tick: invalid value 'no' of overlap; expected one of skip, queue, parallel",
      "schedule.tick: 'x' is not a cron expression: Unknown alias: x",
      "schedule.tick: 'Mars' is not a time zone; expected one such as Europe/Paris or UTC",
    ]);
  });
});

describe('a schedule that depends on the options', () => {
  const where = { name: 'x', file: '/x.ts', shown: 'x.ts' };

  it('may be made later, but not never', async () => {
    const { schedule: later } = readPlugin({ schedule: async () => ({ tick: { cron: '@daily', run } }) }, where);
    expect([...(await later({})).keys()]).toEqual(['tick']);
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const never = readPlugin({ schedule: () => new Promise(() => {}) }, where).schedule({});
    vi.advanceTimersByTime(30_000);
    await expect(never).rejects.toMatchObject({
      code: 'INVALID_PLUGIN',
      message: 'x.ts: schedule: making it timed out after 30 s',
    });
  });
});

describe('filters', () => {
  it('are told all that is wrong with them', () => {
    const onMessage = [{ when: { txt: 'a', from: 5 }, run }, { when: {} }, { when: {}, run, wen: run }, 7];
    expect(complaints({ onMessage })).toEqual([
      "onMessage[0].when: unknown key 'txt'; did you mean 'text'?",
      'onMessage[0].when.from must be a login pattern or a list of them',
      'onMessage[1] must be { when: { text?, from?, private?, addressed? }, run(message, ctx) }',
      "onMessage[2]: unknown key 'wen'; did you mean 'when'?",
      'onMessage[3] must be { when: { text?, from?, private?, addressed? }, run(message, ctx) }',
    ]);
  });
});

describe('a plugin', () => {
  it('with a part whose name is misspelt is turned down', () => {
    expect(complaints({ onMessage: run, comands: {} })).toEqual(["unknown key 'comands'; did you mean 'commands'?"]);
  });

  it('may have what else it needs', () => {
    expect(complaints({ onMessage: run, table: {} })).toEqual([]);
  });

  it('without a name is told so', () => {
    expect(complaints({ onMessage: run, name: '' })).toEqual(['name is empty']);
  });

  it('may have a schema that is a function, as those of ArkType are', () => {
    const options = Object.assign(() => undefined, { '~standard': { version: 1, vendor: 'x', validate: run } });
    const { optionsSchema } = readPlugin({ onMessage: run, options }, { name: 'x', file: '/x.ts', shown: 'x.ts' });
    expect(optionsSchema).toBe(options);
  });
});
