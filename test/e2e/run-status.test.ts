import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { failure, LAB, labFile, run, start } from './chatosbot.ts';
import { peer } from './peers.ts';
import { serverHere } from './server-here.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await serverHere());
  labFile('bots/note.txt', '');
  copyFileSync(new URL('../../bots/echo.ts', import.meta.url), path.join(LAB, 'bots', 'echo.ts'));
});

describe('run --status', () => {
  test('tells where the endpoint is, and closes it when it stops', async () => {
    const command = start(['run', '../bots/echo.ts', '--listen', '127.0.0.1:0', '--status', '0']);
    const [, url] = await command.line(/^status on (http:\/\/127\.0\.0\.1:\d+)$/);
    await command.line(/logged in as echo/);
    const { status, stdout } = await run(['status', '--status', url!]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^echo +echo +running/m) });
    expect(stdout).toMatch(/^server on tcp:/m);
    command.kill('SIGTERM');
    expect((await command.exit()).status).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
  });

  test('answers while an account stands by, and by the configuration', async () => {
    const holder = await peer(port, 'echo');
    labFile('standby/chatosbot.config.yaml', `server: ${at}\nstatus: 127.0.0.1:0\nbots: [../bots/echo.ts]\n`);
    const command = start(['run', '--standby'], { cwd: path.join(LAB, 'standby') });
    const [, url] = await command.line(/^status on (http:\S+)$/);
    await command.line(/standing by/);
    const response = await fetch(`${url}/readyz`);
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: 503,
      text: `echo on tcp://${at}: standby\n`,
    });
    holder.destroy();
    await command.line(/logged in as echo/);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test('ends with 69 where the address is in use, and lets nobody log in', async () => {
    const command = start(['run', '../bots/echo.ts', '--server', at, '--login', 'never', '--status', at]);
    expect(await failure(command)).toEqual({
      status: 69,
      last: expect.stringContaining(`cannot listen on http://${at}: the port is in use`),
    });
    expect(command.stderr).not.toContain('logged in');
  });

  test('has no endpoint unless one is asked for', async () => {
    const command = start(['run', '../bots/echo.ts', '--server', at, '--login', 'silent']);
    await command.line(/logged in as silent/);
    expect(command.stderr).not.toContain('status on');
  });
});
