import process from 'node:process';
import { expect, it, onTestFinished, vi } from 'vitest';
import { showMovingLine } from '../../../src/cli/terminal/moving-line.ts';

it('a line that has ended answers nobody any more', () => {
  const before = process.listeners('SIGUSR1');
  const line = showMovingLine({ isShown: false, line: () => '', onAsked: () => undefined });
  line.hide();
  expect(process.listeners('SIGUSR1')).toHaveLength(before.length + 1);
  line.end();
  expect(process.listeners('SIGUSR1')).toEqual(before);
});

it('a line that is hidden is drawn no more', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const line = showMovingLine({ isShown: true, line: () => '', onAsked: () => undefined });
  onTestFinished(() => line.end());
  expect(vi.getTimerCount()).toBe(1);
  line.hide();
  expect(vi.getTimerCount()).toBe(0);
});
