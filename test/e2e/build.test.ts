import { accessSync, constants, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const { bin, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  bin: { chatosbot: string };
  scripts: Record<string, string>;
};

test('the build leaves the command executable, so that npx finds it in the checkout, after npm test too', () => {
  expect(() => accessSync(bin.chatosbot, constants.X_OK)).not.toThrow();
});

test('the package has no install script, of which npm would warn; npm ci and npm pack build all the same', () => {
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare|prepublish)$/.test(name))).toEqual([]);
  // npm runs the first in the project itself alone, when it has installed its packages.
  expect(scripts).toMatchObject({ dependencies: 'npm run build', prepack: 'npm run build' });
});
