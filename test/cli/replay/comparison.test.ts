import { describe, expect, test } from 'vitest';
import type { RuntimeEvent } from '../../../src/bot/events.ts';
import { compareTranscripts, transcribe, type Difference } from '../../../src/cli/replay/comparison.ts';

const place = { server: 'tcp://127.0.0.1:7777', login: 'dice' };

const heard = (number: number, from: string, text: string): RuntimeEvent => {
  return { type: 'heard', ...place, number, from, private: true, text };
};
const said = (
  text: string,
  more: { to?: string; cause?: string; answers?: number; bot?: string } = {},
): RuntimeEvent => {
  return { type: 'said', ...place, text, ...more };
};
const toAnn = (text: string, answers: number): RuntimeEvent => said(text, { to: 'ann', cause: 'ann', answers });
const toBob = (text: string, answers: number): RuntimeEvent => said(text, { to: 'bob', cause: 'bob', answers });

function compare(was: readonly RuntimeEvent[], is: readonly RuntimeEvent[]): Difference[] {
  return compareTranscripts(transcribe(was), transcribe(is));
}

describe('what a bot did and what it does', () => {
  test('is the same where different peers are answered in another order', () => {
    const was = [heard(1, 'ann', 'x'), heard(2, 'bob', 'x'), toBob('y', 2), toAnn('y', 1)];
    const is = [heard(1, 'ann', 'x'), toAnn('y', 1), heard(2, 'bob', 'x'), toBob('y', 2)];
    expect(compare(was, is)).toEqual([]);
  });

  test('is the same where an answer tells several in another order', () => {
    const tell = (to: string, text: string): RuntimeEvent => said(text, { to, cause: 'ann', answers: 1 });
    const was = [heard(1, 'ann', 'x'), tell('ann', '1'), tell('bob', '1'), tell('ann', '2')];
    const is = [heard(1, 'ann', 'x'), tell('bob', '1'), tell('ann', '1'), tell('ann', '2')];
    expect(compare(was, is)).toEqual([]);
  });

  test('is another thing where one is told the same in another order', () => {
    const was = [heard(1, 'ann', 'x'), toAnn('1', 1), toAnn('2', 1)];
    const is = [heard(1, 'ann', 'x'), toAnn('2', 1), toAnn('1', 1)];
    expect(compare(was, is)).toMatchObject([{ about: 'message', heard: { text: 'x' } }]);
  });

  test('is another thing where the answer goes to everyone', () => {
    const [difference, more] = compare(
      [heard(1, 'ann', 'x'), toAnn('1', 1)],
      [heard(1, 'ann', 'x'), said('1', { cause: 'ann', answers: 1 })],
    );
    expect(more).toBeUndefined();
    expect(difference).toMatchObject({
      lines: [
        { sign: '-', item: { to: 'ann', text: '1' } },
        { sign: '+', item: { to: undefined, text: '1' } },
      ],
    });
  });

  test('belongs to the message that it answers, however late it comes and whatever its number is', () => {
    const was = [heard(7, 'ann', 'x'), heard(9, 'ann', 'y'), toAnn('to y', 9), toAnn('to x', 7)];
    const is = [heard(1, 'ann', 'x'), toAnn('to x', 1), heard(2, 'ann', 'y'), toAnn('else', 2)];
    expect(compare(was, is)).toMatchObject([
      {
        heard: { number: 9, text: 'y' },
        lines: [
          { sign: '-', item: { text: 'to y' } },
          { sign: '+', item: { text: 'else' } },
        ],
      },
    ]);
  });

  test('without being asked may come in any order, but as often as it did', () => {
    expect(compare([said('a'), said('b')], [said('b'), said('a')])).toEqual([]);
    expect(compare([said('a'), said('a')], [said('a')])).toEqual([
      { about: 'unprompted', lines: [{ sign: '-', item: { to: undefined, text: 'a' } }] },
    ]);
  });

  test('about private connections is compared for each peer', () => {
    const decided = (from: string, decision: 'accepted' | 'refused'): RuntimeEvent => {
      return { type: 'decided', ...place, from, decision };
    };
    const requested = (to: string, outcome: 'opened' | 'TIMED_OUT' | 'REQUEST_REFUSED'): RuntimeEvent => {
      return { type: 'requested', ...place, to, outcome };
    };
    expect(compare([decided('ann', 'accepted'), decided('bob', 'refused')], [decided('bob', 'refused')])).toEqual([
      { about: 'decisions', peer: 'ann', lines: [{ sign: '-', item: 'accepted' }] },
    ]);
    expect(compare([requested('ann', 'TIMED_OUT')], [requested('ann', 'REQUEST_REFUSED')])).toEqual([]);
    expect(compare([requested('ann', 'opened')], [])).toMatchObject([{ about: 'requests', peer: 'ann' }]);
    expect(compare([said('a', { to: 'ann', cause: 'ann' })], [])).toMatchObject([{ about: 'peer', peer: 'ann' }]);
  });

  test('leaves out what other bots of the account say', () => {
    const events = [
      heard(1, 'ann', 'x'),
      said('mine', { bot: 'dice', cause: 'ann', answers: 1 }),
      said('its', { bot: 'b' }),
    ];
    expect([...transcribe(events, new Set(['b'])).values()]).toMatchObject([
      { about: 'message', items: [{ text: 'mine' }] },
    ]);
  });
});
