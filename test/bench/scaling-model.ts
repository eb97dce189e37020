/** What work costs, in microseconds of CPU: as much in each process of a server, be it a worker or another node's. */
export interface Costs {
  /** A message: it is read, checked and counted. */
  readonly message: number;
  /** The same message on its way to one other process, both ends of the link taken together. */
  readonly link: number;
  /** Its delivery to one client. */
  readonly delivery: number;
}

/** What was seen: so much CPU for a message to everyone, all processes taken together. */
export interface Seen {
  readonly processes: number;
  readonly clients: number;
  /** In microseconds. */
  readonly perMessage: number;
}

/** The CPU of a message to everyone, in microseconds, all processes taken together. */
export function perMessage({ message, link, delivery }: Costs, processes: number, clients: number): number {
  return message + (processes - 1) * link + clients * delivery;
}

/** The costs of which what was seen is made up: errors count in relation to the whole. */
export function costsOf(seen: readonly Seen[]): Costs {
  const rows = seen.map(({ processes, clients, perMessage: cost }) => ({
    factors: [1 / cost, (processes - 1) / cost, clients / cost],
    result: 1,
  }));
  const cell = (row: number, column: number): number =>
    rows.reduce((sum, { factors, result }) => sum + factors[row]! * (factors[column] ?? result), 0);
  const [message, link, delivery] = solve([0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => cell(row, column))));
  return { message: message!, link: link!, delivery: delivery! };
}

/** The solution of as many linear equations as there are rows, each with its result behind the factors. */
function solve(equations: number[][]): number[] {
  for (const [i, row] of equations.entries()) {
    const factor = row[i]!;
    for (let column = i; column < row.length; column++) row[column]! /= factor;
    for (const other of equations) {
      if (other === row) continue;
      const times = other[i]!;
      for (let column = i; column < row.length; column++) other[column]! -= times * row[column]!;
    }
  }
  return equations.map((row) => row.at(-1)!);
}

/** A server of many processes, each on a core of its own, and what its clients do. */
export interface Plan {
  readonly processes: number;
  readonly sessions: number;
}

/** How long a message is on its way through one process, in milliseconds, where nothing else is said. */
export function loneMs(costs: Costs, { processes, sessions }: Plan): number {
  return (costs.message + (processes - 1) * costs.link + (sessions / processes) * costs.delivery) / 1_000;
}

/** So many messages to everyone a second keep each process busy all the time. */
export function mostMessages({ message, link, delivery }: Costs, { processes, sessions }: Plan): number {
  // Each process reads its share of the messages, sends those to all others, and gets all others' share.
  const links = ((processes - 1) / processes) * link;
  return 1e6 / (message / processes + links + (sessions / processes) * delivery);
}
