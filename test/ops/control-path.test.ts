import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  checkControlPath,
  controlFolder,
  defaultControlPath,
  findControls,
  makePrivateFolder,
  removeDeadControls,
} from '../../src/ops/control-path.ts';

function runtime(): { XDG_RUNTIME_DIR: string } {
  const made = mkdtempSync(path.join(tmpdir(), 'chatosbot-runtime-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return { XDG_RUNTIME_DIR: made };
}

/** A socket whose process is dead. */
function dead(file: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
}

async function served(file: string): Promise<void> {
  const server = createServer((socket) => socket.end());
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(file, resolve));
}

describe('the folder of control sockets', () => {
  it("is in the user's runtime folder, else in the temporary one, by the user's id", () => {
    const env = runtime();
    expect(controlFolder(env)).toBe(path.join(env.XDG_RUNTIME_DIR, 'chatosbot'));
    const elsewhere = path.join(tmpdir(), `chatosbot-${process.getuid!()}`);
    for (const other of [{}, { XDG_RUNTIME_DIR: '' }, { XDG_RUNTIME_DIR: 'relative' }, { XDG_RUNTIME_DIR: '/nowhere' }])
      expect(controlFolder(other)).toBe(elsewhere);
  });

  it('is made for this user alone, and refused where it is not: others may write there, or it is a link', () => {
    const { XDG_RUNTIME_DIR: base } = runtime();
    makePrivateFolder(path.join(base, 'new'));
    makePrivateFolder(path.join(base, 'new'));
    mkdirSync(path.join(base, 'shared'), { mode: 0o755 });
    symlinkSync(path.join(base, 'new'), path.join(base, 'link'));
    writeFileSync(path.join(base, 'file'), '');
    for (const name of ['shared', 'link', 'file', 'no/such'])
      expect(() => makePrivateFolder(path.join(base, name))).toThrow(
        expect.objectContaining({ code: 'LISTEN_FAILED' }),
      );
  });
});

it('finds the sockets that are served, that of the default port first, and no others', async () => {
  const env = runtime();
  makePrivateFolder(controlFolder(env));
  const paths = [7780, 7777, 800].map((port) => defaultControlPath(port, env));
  for (const file of paths) await served(file);
  dead(defaultControlPath(9, env));
  writeFileSync(path.join(controlFolder(env), 'control-x.sock'), '');
  expect(await findControls(env)).toEqual([paths[1], paths[2], paths[0]]);
  expect(await findControls({ XDG_RUNTIME_DIR: runtime().XDG_RUNTIME_DIR })).toEqual([]);
});

it('removes sockets that dead processes have left a while ago', async () => {
  const env = runtime();
  makePrivateFolder(controlFolder(env));
  const [old, fresh, alive] = [1, 2, 3].map((port) => defaultControlPath(port, env)) as [string, string, string];
  dead(old);
  dead(fresh);
  await served(alive);
  const then = new Date(Date.now() - 120_000);
  for (const file of [old, alive]) utimesSync(file, then, then);
  await removeDeadControls(env);
  expect([old, fresh, alive].map((file) => existsSync(file))).toEqual([false, true, true]);
});

it('takes a path as long as a socket has room for, and none that is longer', () => {
  const most = process.platform === 'linux' ? 107 : 103;
  expect(() => checkControlPath('p'.repeat(most))).not.toThrow();
  expect(() => checkControlPath('p'.repeat(most + 1))).toThrow(`has ${most + 1} bytes, and may have ${most}`);
});
