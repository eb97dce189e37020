import { expect, test } from 'vitest';
import * as runtime from 'chatosbot/runtime';

test('the runtime can be imported by its name', () => {
  expect(runtime.BotRuntime).toBeTypeOf('function');
});
