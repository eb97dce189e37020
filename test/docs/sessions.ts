/** The console blocks of the docs: what is typed, and what comes back. */

/** A command, what is typed into it, and what is shown. */
export interface Session {
  /** Without the `$ `. */
  readonly command: string;
  /** The lines that are shown, without what stands before those that are typed. */
  readonly turns: readonly Turn[];
}

/** A line that is typed (none at first), and what is shown behind it. */
export interface Turn {
  readonly typed: string | undefined;
  readonly shown: readonly string[];
}

/** The commands of a console block: `$ COMMAND`, then what is shown, and behind `PROMPT> ` what is typed. */
export function readSessions(text: string): Session[] {
  const [, ...sessions] = text.split(/^\$ /m);
  return sessions.map((session) => {
    const [command = '', ...lines] = session.trimEnd().split('\n');
    const turns: { typed: string | undefined; shown: string[] }[] = [{ typed: undefined, shown: [] }];
    for (const line of lines) {
      const [, typed] = /^[\w[\]]*> (.*)$/.exec(line) ?? [];
      if (typed === undefined) turns.at(-1)!.shown.push(line);
      else turns.push({ typed, shown: [] });
    }
    return { command: command.replace(/ +#.*$/, ''), turns };
  });
}

/** The command line of chatosbot in each part of a shell's line: `npx chatosbot say hi | …` has one. */
export function chatosbotCalls(command: string): string[][] {
  return command
    .split(/\s*(?:\||&&|;)\s*/)
    .map(splitWords)
    .map((words) => words.slice(words[0] === 'npx' ? 1 : 0))
    .filter(([program]) => program === 'chatosbot')
    .map(([, ...args]) => args);
}

/** Words as a shell splits them: quoted ones as one, redirections left out. */
function splitWords(line: string): string[] {
  const plain = line.replace(/ \d?>>? ?\S+| < ?\S+/g, '');
  return [...plain.matchAll(/(?:'([^']*)'|"([^"]*)"|(\S+))/g)].map(([, single, double, bare]) => {
    return single ?? double ?? bare ?? '';
  });
}
