// A process that runs one command line after another, each to its end: what it loads is loaded once. Started by
// shared-process.ts.
import { closeSync, openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { runProgram } from '../../dist/cli/program.js';

class Exit extends Error {}

let texts;
let end;
let isLive = false;

for (const name of ['stdout', 'stderr']) {
  const take = () =>
    new Writable({
      decodeStrings: false,
      write(chunk, _, done) {
        texts[name] += chunk;
        if (isLive && name === 'stderr') process.send({ said: String(chunk) });
        done();
      },
    });
  let stream = take();
  Object.defineProperty(process, name, {
    configurable: true,
    get: () => (stream.errored ? (stream = take()) : stream),
  });
}
process.exit = (code) => {
  end?.(code ?? process.exitCode ?? 0);
  throw new Exit();
};

function leaveNothing() {
  for (const event of process.eventNames()) {
    if (/^(?:exit|uncaughtException|unhandledRejection|SIG.*)$/.test(String(event))) process.removeAllListeners(event);
  }
  process.on('uncaughtException', (error) => {
    if (error instanceof Exit) return;
    texts.stderr += `uncaught in the shared process: ${error?.stack ?? error}\n`;
    end?.(1);
  });
  process.stdout.removeAllListeners('error');
  process.stderr.removeAllListeners('error');
  process.exitCode = undefined;
}

process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', ({ args, env, cwd, input, output, live, stop }) => {
  if (stop) {
    // As a signal does, of which the process itself must not end.
    process.emit(stop, stop);
    return;
  }
  leaveNothing();
  isLive = live;
  // What is opened gets the lowest number that is free.
  closeSync(0);
  openSync(input, 'r');
  closeSync(1);
  openSync(output, 'w');
  texts = { stdout: '', stderr: '' };
  process.argv.splice(2, Infinity, ...args);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.chdir(cwd);
  const ended = new Promise((resolve) => (end = resolve));
  runProgram().catch((error) => {
    if (!(error instanceof Exit)) throw error;
  });
  void ended.then((status) => {
    end = undefined;
    process.send({ status, signal: null, ...texts });
  });
});
