import { accessSync, constants, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the build leaves the command executable, so that npx finds it in the checkout, after npm test too', () => {
  const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: { chatosbot: string } };
  expect(() => accessSync(bin.chatosbot, constants.X_OK)).not.toThrow();
});
