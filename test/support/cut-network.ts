/** A server and two machines, joined by a router, in network namespaces of Linux: the way to one machine can be cut. */
import { execFileSync } from 'node:child_process';

/** The server, a machine that stays, and one whose link is cut. */
const MACHINES = ['server', 'near', 'far'] as const;
export type Machine = (typeof MACHINES)[number];

function ip(args: readonly string[], input = ''): string {
  return execFileSync('ip', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Why there can be no such network here; `undefined` where there can. */
export function whyNoNamespaces(): string | undefined {
  const name = `chatosbot-${process.pid}-try`;
  try {
    ip(['netns', 'add', name]);
    ip(['netns', 'exec', name, 'true']);
    ip(['netns', 'delete', name]);
    return undefined;
  } catch (error) {
    return `it needs root and iproute2: ${String(error).split('\n')[0]}`;
  }
}

export class CutNetwork {
  readonly #id = `chatosbot-${process.pid}`;
  readonly #router = `${this.#id}-router`;

  constructor() {
    for (const name of [this.#router, ...MACHINES.map((machine) => this.#name(machine))]) ip(['netns', 'add', name]);
    for (const machine of MACHINES) {
      const name = this.#name(machine);
      const [gateway, address] = [this.#gateway(machine), this.address(machine)];
      ip(['-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', machine, 'netns', this.#router]);
      ip(['-n', this.#router, '-batch', '-'], `addr add ${gateway}/30 dev ${machine}\nlink set ${machine} up\n`);
      const lines = [`addr add ${address}/30 dev eth0`, 'link set lo up', 'link set eth0 up'];
      ip(['-n', name, '-batch', '-'], `${lines.join('\n')}\nroute add default via ${gateway}\n`);
    }
    this.#setSwitch('ip_forward', 1);
  }

  address(machine: Machine): string {
    return `10.77.${MACHINES.indexOf(machine)}.2`;
  }

  /** What runs the program that follows it on a machine: the arguments of `ip`. */
  on(machine: Machine): string[] {
    return ['netns', 'exec', this.#name(machine)];
  }

  /** From now on, nothing goes to the far machine, and nothing comes from it; nobody is told. */
  cut(): void {
    this.#setSwitch('conf/far/forwarding', 0);
    ip(['-n', this.#router, 'route', 'add', 'blackhole', `${this.address('far')}/32`]);
  }

  /** The way to the far machine is there again. */
  mend(): void {
    ip(['-n', this.#router, 'route', 'delete', 'blackhole', `${this.address('far')}/32`]);
    this.#setSwitch('conf/far/forwarding', 1);
  }

  /** Whether a machine has sent something that is not acknowledged yet. */
  awaitsAcknowledgement(machine: Machine): boolean {
    const [, ...sockets] = ip([...this.on(machine), 'cat', '/proc/net/tcp'])
      .trim()
      .split('\n');
    const LISTENING = '0A';
    return sockets.some((line) => {
      const [, , , state, queues = ''] = line.trim().split(/\s+/);
      return state !== LISTENING && !queues.startsWith('00000000:');
    });
  }

  /** Its processes must have ended. */
  remove(): void {
    for (const name of [this.#router, ...MACHINES.map((machine) => this.#name(machine))]) ip(['netns', 'delete', name]);
  }

  #name(machine: Machine): string {
    return `${this.#id}-${machine}`;
  }

  #gateway(machine: Machine): string {
    return `10.77.${MACHINES.indexOf(machine)}.1`;
  }

  #setSwitch(name: string, value: 0 | 1): void {
    ip(['netns', 'exec', this.#router, 'sh', '-c', `echo ${value} > /proc/sys/net/ipv4/${name}`]);
  }
}
