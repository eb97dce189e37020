import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { LAB, run, start, startServer } from './chatosbot.ts';
import { runShared } from './shared-process.ts';
import { peer } from './peers.ts';
import { HAS_TERMINAL, KEY, onTerminal } from './terminal.ts';

let sockets = 0;

async function operated(args: readonly string[] = []) {
  sockets += 1;
  const socket = path.join(LAB, `top-${sockets}.sock`);
  const server = await startServer(['--control', socket, ...args]);
  await server.command.line(/^control socket at /);
  return { ...server, socket };
}

test('top prints one snapshot where there is no terminal', async () => {
  const { port, socket } = await operated();
  await peer(port, 'alice');
  const { status, stdout, stderr } = await run(['top', '--control', socket, '--interval', '0.1']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^chatosbot \d.*\n1 session, 0 private, 1 connection, 0 B waiting\n0 messages\/s, /);
  expect(stdout).toMatch(/^alice +0 /m);
  expect(stdout).not.toContain('\u001b');
});

test('top --json prints a line for each snapshot, until it is stopped', async () => {
  const { port, socket } = await operated();
  await peer(port, 'alice');
  const command = start(['top', '--json', '--control', socket, '--interval', '0.1']);
  for (let lines = 0; lines < 2; lines += 1) {
    const [line] = await command.line(/^\{.*\}$/, 'stdout');
    expect(JSON.parse(line)).toMatchObject({
      server: { clients: 1 },
      rates: { messages: 0 },
      sessions: [{ login: 'alice', inPerSecond: 0 }],
      channels: [],
    });
  }
  command.kill('SIGINT');
  expect(await command.exit()).toMatchObject({ status: 130 });
});

test('top asks a status endpoint, too, which may be that of a process with bots', async () => {
  const server = start(['serve', '--listen', '127.0.0.1:0', '--no-control', '--status', '0']);
  const [, port] = await server.line(/^status on http:\/\/127\.0\.0\.1:(\d+)$/);
  const { status, stdout } = await runShared(['top', '--once', '--status', port!]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/\n0 sessions, 0 private, /);
});

test('top ends with 69 where no server is there', async () => {
  const { status, stderr } = await runShared(['top', '--once', '--control', path.join(LAB, 'nobody.sock')]);
  expect({ status, stderr }).toEqual({
    status: 69,
    stderr: expect.stringContaining('no server has this control socket: is it running?') as string,
  });
});

describe.skipIf(!HAS_TERMINAL)('top on a terminal', () => {
  test('has a screen of its own, obeys keys, and leaves the terminal as it was', async () => {
    const { port, socket } = await operated();
    await peer(port, 'alice');
    const script = `chatosbot top --control ${socket} --interval 0.1; echo "status $?"; stty -a`;
    const terminal = onTerminal(script);
    await terminal.shows('\u001b[?1049h\u001b[?25l');
    await terminal.shows('\u001b[7mLOGIN ');
    await terminal.shows('messages/s, ');
    terminal.type('s');
    await terminal.shows('sort: in/s');
    terminal.type('\t');
    await terminal.shows('PRIVATE CONNECTION');
    terminal.type('q');
    const { stdout } = await terminal.exit();
    expect(stdout).toMatch(/\u001b\[\?7h\u001b\[\?25h\u001b\[\?1049lstatus 0\r\n/);
    expect(stdout.split('status 0')[1]).toMatch(/ icanon .* echo /s);
  });

  test('leaves it so on Ctrl-C, too, with the status of an interrupt', async () => {
    const { socket } = await operated();
    const terminal = onTerminal(`chatosbot top --control ${socket}; echo "status $?"; stty -a`);
    await terminal.shows('sort: waiting');
    terminal.type(KEY.ctrlC);
    const { stdout } = await terminal.exit();
    expect(stdout).toMatch(/\u001b\[\?1049lstatus 130\r\n/);
    expect(stdout.split('status 130')[1]).toMatch(/ icanon .* echo /s);
  });

  test('has no colours with NO_COLOR, and says that the server is gone, until it is back', async () => {
    const first = await operated();
    const env = { NO_COLOR: '1' };
    const terminal = onTerminal(`chatosbot top --control ${first.socket} --interval 0.1`, { env });
    await terminal.shows('0 sessions');
    first.command.kill('SIGTERM');
    await terminal.shows('NO ANSWER for ');
    await terminal.shows('no server has this');
    const again = start(['serve', '--listen', '127.0.0.1:0', '--control', first.socket]);
    await again.line(/^control socket at /);
    await terminal.shows('measuring rates');
    terminal.type('q');
    const { stdout } = await terminal.exit();
    expect(stdout).not.toMatch(/\u001b\[(?:\d+;)?[39]\d?m|\u001b\[2m/);
  });
});
