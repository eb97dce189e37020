/**
 * Does to a text what a diff in the docs shows: ` ` stays, `+` comes in, `-` goes; `@@` stands for lines that are not
 * shown. What stays and goes must be there, in this order, and at one place only.
 */
export function applyDiff(text: string, diff: string): string {
  const hunks = diff.split(/^@@\n/m).map((hunk) => hunk.split('\n').slice(0, -1));
  let done: string[] = [];
  let rest = text.split('\n');
  for (const hunk of hunks) {
    const wrong = hunk.find((line) => !/^($|[ +-])/.test(line));
    if (wrong !== undefined) throw new Error(`neither kept, nor added, nor removed: ${wrong}`);
    const before = hunk.filter((line) => !line.startsWith('+')).map((line) => line.slice(1));
    const after = hunk.filter((line) => !line.startsWith('-')).map((line) => line.slice(1));
    const places = [...rest.keys()].filter((at) => before.every((line, index) => rest[at + index] === line));
    const [place, another] = places;
    if (place === undefined) throw new Error(`these lines are not there:\n${before.join('\n')}`);
    if (another !== undefined) throw new Error(`these lines are there more than once:\n${before.join('\n')}`);
    done = [...done, ...rest.slice(0, place), ...after];
    rest = rest.slice(place + before.length);
  }
  return [...done, ...rest].join('\n');
}
