import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { jsonView, textView, type Said } from '../../../src/cli/chat/view.ts';

const terminal = { columns: 80 };

/** Shows what is said on a terminal without colours, to someone with this login; returns the lines. */
function show(own: string | undefined, ...said: readonly (Partial<Said> & { readonly text: string })[]): string[] {
  const { isTTY, columns } = process.stdout;
  Object.assign(process.stdout, { isTTY: true, columns: terminal.columns });
  vi.stubEnv('NO_COLOR', '1');
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    const view = textView({ times: false, own: () => own });
    for (const each of said) view.said({ type: 'message', from: 'bob', ...each });
  } finally {
    write.mockRestore();
    Object.assign(process.stdout, { isTTY, columns });
    vi.unstubAllEnvs();
  }
  return written.join('').split('\n').slice(0, -1);
}

describe('a message that has the own login as a word', () => {
  it('is marked, in upper and lower case, composed or not', () => {
    const texts = ['ann?', 'hello Ann', '@ANN: hi', 'anne', 'joann', 'ann2', 'n ann n'];
    expect(show('ann', ...texts.map((text) => ({ text })))).toEqual([
      '! bob: ann?',
      '! bob: hello Ann',
      '! bob: @ANN: hi',
      'bob: anne',
      'bob: joann',
      'bob: ann2',
      '! bob: n ann n',
    ]);
    expect(show('ren\u00E9', { text: 'rene\u0301, hi' })).toEqual(['! bob: rene\u0301, hi']);
  });

  it.each([
    ['a.b', 'axb', 'a.b'],
    ['c++', 'ccc', 'c++'],
    ['[x', 'x', '[x'],
    ['(you)?', 'you', '(you)?'],
    ['a|b', 'b', 'a|b'],
    ['^$', '', '^$'],
    [String.raw`\w*`, 'word', String.raw`\w*`],
    ['x{2}', 'xx', 'x{2}'],
  ])('is marked where that is %s, and not where it is %j', (login, other, same) => {
    expect(show(login, { text: `- ${other} -` }, { text: `- ${same} -` })).toEqual([
      `bob: - ${other} -`,
      `! bob: - ${same} -`,
    ]);
  });

  it('is not marked where it is one of our own, or private, or there is no login yet', () => {
    const text = 'ann';
    expect(show('ann', { text, from: 'ann' }, { text, type: 'private', to: 'ann' }, { text, type: 'channel' })).toEqual(
      ['ann: ann', 'bob -> ann: ann', '[bob]: ann'],
    );
    expect(show(undefined, { text })).toEqual(['bob: ann']);
  });
});

it('what is said in several lines looks like nothing that anybody else has said', () => {
  expect(show('ann', { text: 'one\ncid: two\r\n* three\u001B[2J' })).toEqual([
    'bob: one',
    '  | cid: two',
    String.raw`  | * three\e[2J`,
  ]);
});

it('what would begin a row with the look of another line is broken before the terminal does it', () => {
  terminal.columns = 24;
  onTestFinished(() => void (terminal.columns = 80));
  const forged = `${'x'.repeat(18)} 12:00:00 cid: hi`;
  expect(show('ann', { text: forged }, { text: `${'x'.repeat(19)}* cid left` })).toEqual([
    'bob: xxxxxxxxxxxxxxxxxx',
    '     12:00:00 cid: hi',
    'bob: xxxxxxxxxxxxxxxxxx',
    '    x* cid left',
  ]);
  // What is short enough, or has no such look, is left to the terminal.
  expect(show('ann', { text: '12:00:00 cid: hi' }, { text: 'y'.repeat(30) })).toEqual([
    'bob: 12:00:00 cid: hi',
    `bob: ${'y'.repeat(30)}`,
  ]);
});

/** What is written on a stream from now on. */
function writtenOn(stream: NodeJS.WriteStream): string[] {
  const written: string[] = [];
  const write = vi.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  onTestFinished(() => write.mockRestore());
  return written;
}

/** So much waits for the reader of standard output. */
function waiting(bytes: number): void {
  Object.defineProperty(process.stdout, 'writableLength', { configurable: true, value: bytes });
}

it.each(['text', 'json'])('what is said while nobody reads is dropped beyond 4 MiB, and counted: %s', (format) => {
  onTestFinished(() => void Reflect.deleteProperty(process.stdout, 'writableLength'));
  const [out, notices] = [writtenOn(process.stdout), writtenOn(process.stderr)];
  const view = format === 'json' ? jsonView() : textView({ times: false });
  const say = (text: string): void => view.said({ type: 'message', from: 'bob', text });
  waiting(4 * 1024 * 1024);
  say('one');
  waiting(4 * 1024 * 1024 + 1);
  for (const text of ['two', 'three']) say(text);
  waiting(0);
  say('four');
  say('five');
  const said = out.filter((line) => line.includes('bob'));
  expect(said.map((line) => /one|two|three|four|five/.exec(line)![0])).toEqual(['one', 'four', 'five']);
  const reported = [...out, ...notices].filter((line) => !line.includes('bob'));
  expect(reported).toEqual([expect.stringContaining('2 lines were lost: nobody read standard output')]);
});
