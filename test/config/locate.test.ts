import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { tempDirectory, writeText } from '../support/bot-files.ts';

/** Places in a file, with `FILE` for its path. */
async function placesIn(text: string, name = 'chatosbot.config.yaml') {
  const file = await writeText(await tempDirectory(), name, text);
  const { locate } = await loadConfig({ file });
  const shown = path.relative(process.cwd(), file);
  return (where: (string | number)[], atKey?: boolean) =>
    locate(where, atKey)?.replace(file, 'FILE').replace(shown, 'FILE');
}

describe('LoadedConfig.locate', () => {
  it('tells file, line and column of a value, and of its key', async () => {
    const at = await placesIn('bots:\n  - a.ts\n  - path: b.ts\n    options: { size: 1 }\n');
    expect(at(['bots', 0])).toBe('FILE:2:5');
    expect(at(['bots', 1, 'options', 'size'])).toBe('FILE:4:22');
    expect(at(['bots', 1, 'options', 'size'], true)).toBe('FILE:4:16');
  });

  it('tells the nearest thing around what is not there', async () => {
    const at = await placesIn('bots:\n  - path: b.ts\n    options: { size: 1 }\n');
    expect(at(['bots', 0, 'options', 'colour'])).toBe('FILE:3:14');
    expect(at(['bots', 0, 'login', 'x'])).toBe('FILE:2:5');
    expect(at(['policy', 'default'])).toBe('FILE:1:1');
  });

  it('looks under the key of a package.json', async () => {
    const at = await placesIn('{\n  "chatosbot": {\n    "login": "robot"\n  }\n}\n', 'package.json');
    expect(at(['login'])).toBe('FILE:3:14');
  });

  it('tells the file alone where the configuration is code', async () => {
    const at = await placesIn('export default { login: "robot" };\n', 'chatosbot.config.mjs');
    expect(at(['login'])).toBe('FILE');
  });

  it('knows no place where there is no configuration', async () => {
    const directory = await tempDirectory();
    const { locate } = await loadConfig({ from: directory });
    expect(locate(['login'])).toBeUndefined();
  });
});
