/**
 * A server at which the commands of one file after the other meet, in a process of its own, where the server is not what is
 * tested: for clients that leave with their test.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { environment, EXEMPTING, LAB, MAIN, WORK } from './chatosbot.ts';

export interface SharedServer {
  readonly port: number;
  readonly at: string;
}

let server: Promise<SharedServer> | undefined;

/** Starts it if it does not run yet. */
export function sharedServer(): Promise<SharedServer> {
  server ??= new Promise((resolve, reject) => {
    // It keeps nothing there, and goes when this process does.
    const folder = path.join(LAB, 'shared-server');
    const own = ['--state', folder, '--no-control', '--with-parent'];
    const child: ChildProcess = spawn(
      process.execPath,
      [MAIN, 'serve', '--listen', '127.0.0.1:0', '--config', EXEMPTING, ...own],
      {
        cwd: WORK,
        env: { PATH: process.env['PATH'], ...environment(undefined) },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    const lines: string[] = [];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (lines.length < 10) lines.push(line);
      const port = /listening on tcp:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port === undefined) return;
      resolve({ port: Number(port), at: `127.0.0.1:${port}` });
    });
    child.once('exit', () => {
      server = undefined;
      reject(new Error(`the shared server has ended:\n${lines.join('\n')}`));
    });
  });
  return server;
}
