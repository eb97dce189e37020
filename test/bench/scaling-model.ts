/** What work costs, in microseconds of CPU: as much in each process of a server, be it a worker or another node's. */
export interface Costs {
  /** A process wakes up, for all that comes at once. */
  readonly wake: number;
  /** It writes to one client, for the same. */
  readonly write: number;
  /** A message: it is read, checked and counted. */
  readonly message: number;
  /** The same message on its way to one other process, both ends of the link taken together. */
  readonly link: number;
  /** Its bytes for one client, in a write. */
  readonly delivery: number;
}

/** A server of many processes, and what its clients do. */
export interface Load {
  readonly processes: number;
  readonly clients: number;
  /** So many messages come together, and are written together. */
  readonly atOnce: number;
}

/** What was seen: so much CPU for a message to everyone, all processes taken together. */
export interface Seen extends Load {
  /** In microseconds. */
  readonly perMessage: number;
}

const NAMES = ['wake', 'write', 'message', 'link', 'delivery'] as const satisfies (keyof Costs)[];

/** How often each cost is there for a message. */
function counts({ processes, clients, atOnce }: Load): Costs {
  return {
    wake: processes / atOnce,
    write: clients / atOnce,
    message: 1,
    link: processes - 1,
    delivery: clients,
  };
}

/** The CPU of a message to everyone, in microseconds, all processes taken together. */
export function perMessage(costs: Costs, load: Load): number {
  const times = counts(load);
  return NAMES.reduce((sum, name) => sum + times[name] * costs[name], 0);
}

const SWEEPS = 20_000;

/** The costs of which what was seen is made up, none below 0: errors count in relation to the whole. */
export function costsOf(seen: readonly Seen[]): Costs {
  const costs = { wake: 0, write: 0, message: 0, link: 0, delivery: 0 };
  const rows = seen.map((each) => ({ times: counts(each), each }));
  // The least squares, one cost after the other, until none of them changes.
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const name of NAMES) {
      let [missing, weight] = [0, 0];
      for (const { times, each } of rows) {
        const share = times[name] / each.perMessage;
        missing += share * (1 - perMessage(costs, each) / each.perMessage);
        weight += share * share;
      }
      costs[name] = Math.max(0, costs[name] + missing / weight);
    }
  }
  return costs;
}

/** How long a message that comes alone is on its way, in milliseconds, each process on a core of its own. */
export function loneMs({ wake, write, message, link, delivery }: Costs, { processes, clients }: Load): number {
  // The process that reads it writes to each other one as to a client; each of them wakes then, and writes to its own.
  const reading = wake + message + (processes - 1) * (write + link);
  const delivering = (processes > 1 ? wake : 0) + (clients / processes) * (write + delivery);
  return (reading + delivering) / 1_000;
}

/** So many messages to everyone a second keep each process busy all the time: they share all work evenly. */
export function mostMessages(costs: Costs, load: Load): number {
  return (load.processes * 1e6) / perMessage(costs, load);
}

/** Memory of an idle session, in bytes. */
export interface Memory {
  /** In the process that has it, by its resident memory. */
  readonly own: number;
  /** In each other one, by the heap: how much more is resident depends on when garbage is collected. */
  readonly known: number;
  /** In the primary of its node, by the heap. */
  readonly registered: number;
}

/** Memory of a process, in GiB: it has its part of the sessions, and knows the others. */
export function gibOf({ own, known }: Memory, { processes, clients }: Pick<Load, 'processes' | 'clients'>): number {
  const each = clients / processes;
  return (each * own + (clients - each) * known) / 2 ** 30;
}

/** What docs/scaling.md says that was measured. */
export const MEASURED_COSTS: Costs = { wake: 349, write: 7.86, message: 0.66, link: 1.22, delivery: 0.0093 };
export const MEASURED_MEMORY: Memory = { own: 7_018, known: 343, registered: 454 };
