import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { LAB } from './chatosbot.ts';
import { startShared } from './shared-process.ts';
import { sharedServer } from './shared-server.ts';
import { HAS_TERMINAL, KEY, onTerminal } from './terminal.ts';

let at: string;
let count = 0;

beforeAll(async () => {
  ({ at } = await sharedServer());
});

describe.skipIf(!HAS_TERMINAL)('a receiver on a terminal is asked', () => {
  /** A folder with a file, whose name would rule the terminal. */
  async function asked(inBash = (command: string) => command) {
    const number = ++count;
    const inbox = path.join(LAB, `terminal-${number}`);
    const name = 'evil\u001B[2J\nall is well\u202E';
    const top = path.join(LAB, `top-${number}`, 'photos');
    for (const folder of [inbox, top]) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(top, 'one'), 'x'.repeat(3_000));
    writeFileSync(path.join(top, '..', name), 'evil');
    const [ear, mouth] = [`ear-t${number}`, `mouth-t${number}`];
    const receiver = onTerminal(
      inBash(`chatosbot receive --from ${mouth} --login ${ear} --dir '${inbox}' --server ${at}`),
    );
    await receiver.line(/waiting/, 'stdout');
    const sources = [top, path.join(top, '..', name)];
    const sender = startShared(['send', ...sources, '--to', ear, '--login', mouth, '--server', at]);
    await receiver.shows('[y/N]');
    return { receiver, sender, inbox, name, mouth };
  }

  test('who sends what, how much, and where it goes, and gets it when the answer is yes', async () => {
    const { receiver, sender, inbox, name, mouth } = await asked();
    const shown = receiver.stdout.toString();
    expect(shown).toContain(`${mouth} wants to send 3 entries, 2.9 KiB:`);
    expect(shown).toContain('  photos/  2.9 KiB');
    expect(shown).toContain(String.raw`  evil\e[2J\nall is well\u{202e}  4 B`);
    expect(shown).toContain(`receive into ${inbox}? [y/N]`);
    expect(shown).not.toContain('\u001B[2J\n');
    expect(existsSync(path.join(inbox, 'photos'))).toBe(false);
    receiver.stdin.write(`y${KEY.enter}`);
    expect([(await receiver.exit()).status, (await sender.exit()).status]).toEqual([0, 0]);
    expect(readFileSync(path.join(inbox, name), 'utf8')).toBe('evil');
  });

  test('also after it was stopped by Ctrl-Z, and went on', async () => {
    const { receiver, sender } = await asked((command) => `set -m; ${command}; fg`);
    receiver.stdin.write('\u001A');
    await receiver.shows('[y/N]');
    receiver.stdin.write(`y${KEY.enter}`);
    expect([(await receiver.exit()).status, (await sender.exit()).status]).toEqual([0, 0]);
  });

  test.each([
    ['no', `n${KEY.enter}`],
    ['Ctrl-D', KEY.ctrlD],
  ])('and refuses everything when it is %s: 77 on both sides', async (_, typed) => {
    const { receiver, sender, inbox } = await asked();
    receiver.stdin.write(typed);
    const [received, sent] = [await receiver.exit(), await sender.exit()];
    expect([received.status, sent.status]).toEqual([77, 77]);
    expect(received.stdout).toContain('refused what');
    expect(sent.stderr).toContain('refused: the user did not want it');
    expect(existsSync(path.join(inbox, 'photos'))).toBe(false);
  });
});
