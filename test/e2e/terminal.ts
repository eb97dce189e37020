/** Commands on a terminal: a pseudo-terminal that Python opens, as Node has none. */
import { spawnSync } from 'node:child_process';
import type { Command } from '../support/command.ts';
import path from 'node:path';
import { DEFINITION, LAB, MAIN, startProgram, type Options } from './chatosbot.ts';

/** Where typed lines are kept. */
const STATE = path.join(LAB, 'history');

const PROGRAM = `
import ctypes, fcntl, os, pty, re, select, struct, sys, termios
def resize(fd, columns): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, int(columns), 0, 0))
pid, terminal = pty.fork()
if pid == 0:
    try: ctypes.CDLL(None).prctl(1, 9)  # ends with this program
    except Exception: pass
    resize(0, sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
sources = [0, terminal]
while True:
    for source in select.select(sources, [], [])[0]:
        try: data = os.read(source, 65536)
        except OSError: data = b''
        if source == 0 and data:
            for typed, columns in re.findall(rb'([^\\0]+)|\\0(\\d+)\\0', data):
                if columns: resize(terminal, columns)
                else: os.write(terminal, typed)
        elif source == 0: sources.remove(0)
        elif data: os.write(1, data)
        else: sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** A terminal that no session has, as a serial line is; it closes when there is nothing more to type. */
const NOBODYS = `
import os, pty, subprocess, sys
terminal, other = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=other, start_new_session=True)
os.close(other)
while True:
    data = os.read(0, 65536)
    if not data: break
    os.write(terminal, data)
os.close(terminal)
sys.exit(child.wait())
`;

/** Python itself: `python3` may be a script that looks for it each time. */
const PYTHON = spawnSync('python3', ['-c', 'import os, pty, sys; os.waitstatus_to_exitcode; print(sys.executable)'])
  .stdout?.toString()
  .trim();
/** Whether this machine has what it takes. */
export const HAS_TERMINAL = !!PYTHON;

/** What the keys send. */
export const KEY = { enter: '\r', backspace: '\u007F', ctrlC: '\u0003', ctrlD: '\u0004', ctrlZ: '\u001A' } as const;

/** What tells {@link PROGRAM} to resize the terminal; nobody types a NUL. */
export const resizeTo = (columns: number): string => `\0${columns}\0`;

/** A shell's script on a terminal, with `chatosbot` in it; what is seen there comes as its standard output. */
export function onTerminal(script: string, options: Options & { readonly columns?: number } = {}): Command {
  const { columns = 80 } = options;
  return startProgram(PYTHON, ['-c', PROGRAM, String(columns), 'bash', '-c', `${DEFINITION}\n${script}`], {
    input: 'open',
    ...options,
    env: { TERM: 'xterm', NO_COLOR: '1', XDG_STATE_HOME: STATE, ...options.env },
  });
}

/** `chatosbot …` whose input is a terminal that is nobody's. */
export function typedInto(args: readonly string[]): Command {
  return startProgram(PYTHON, ['-c', NOBODYS, process.execPath, MAIN, ...args], { input: 'open' });
}
