/** Three NATS servers that are one, so that records are on all of them. */
import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { NatsServer, NO_NATS } from './nats-server.ts';
import { ownPort } from './own-port.ts';

const SERVERS = 3;
/** As the broker asks for it. */
const FIRST_WITH_REPLICAS = [2, 10, 23];

const version = NO_NATS ? '' : spawnSync('nats-server', ['--version'], { encoding: 'utf8' }).stdout.trim();

/** Whether tests of several replicas must be skipped: there is no NATS server, or one that is too old for them. */
export const NO_REPLICAS = NO_NATS || isTooOld(version);
if (NO_REPLICAS && !NO_NATS) process.stderr.write(`skipped: replicas need NATS 2.10.23, and this is ${version}\n`);

export class NatsCluster {
  readonly servers: readonly NatsServer[];
  readonly #monitors: readonly number[];

  private constructor(servers: readonly NatsServer[], monitors: readonly number[]) {
    this.servers = servers;
    this.#monitors = monitors;
  }

  /** None of them runs yet. */
  static async prepare(): Promise<NatsCluster> {
    const routes = await Promise.all(Array.from({ length: SERVERS }, () => ownPort()));
    const monitors = await Promise.all(Array.from({ length: SERVERS }, () => ownPort()));
    const others = routes.map((port) => `nats://127.0.0.1:${port}`).join(',');
    const servers = await Promise.all(
      routes.map((route, i) => {
        const own = ['--name', `server-${i}`, '--http_port', `${monitors[i]}`, '--no_advertise'];
        const cluster = ['--cluster_name', 'test', '--cluster', `nats://127.0.0.1:${route}`, '--routes', others];
        return NatsServer.prepare({ args: [...own, ...cluster] });
      }),
    );
    return new NatsCluster(servers, monitors);
  }

  /** All run, and keep records. */
  static async start(): Promise<NatsCluster> {
    const cluster = await NatsCluster.prepare();
    await cluster.start();
    return cluster;
  }

  /** As a client gives it. */
  get url(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  async start(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.start()));
    await this.whole();
  }

  /** Resolves when all of them have all that there is. */
  async whole(): Promise<void> {
    const end = Date.now() + 60_000;
    for (;;) {
      const all = await Promise.all(this.#monitors.map(healthOf));
      if (all.every((health) => health === 'ok')) return;
      if (Date.now() > end) throw new Error(`the NATS servers are not one cluster: ${all.join('; ')}`);
      await setTimeout(50);
    }
  }

  /** Those that lead: the first has a say in the records of a bucket, and the others have not. */
  async leader(bucket: string): Promise<NatsServer> {
    for (;;) {
      for (const port of this.#monitors) {
        const leader = await leaderAt(port, `KV_${bucket}`);
        const index = leader === undefined ? -1 : Number(leader.replace('server-', ''));
        if (index >= 0) return this.servers[index]!;
      }
      await setTimeout(50);
    }
  }

  async kill(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
  }

  async remove(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.remove()));
  }
}

/** `ok`, or what is wrong. */
async function healthOf(port: number): Promise<string> {
  try {
    const { status, error } = (await ask(port, 'healthz')) as { readonly status: string; readonly error?: string };
    return status === 'ok' ? status : (error ?? status);
  } catch (error) {
    return String(error);
  }
}

async function leaderAt(port: number, stream: string): Promise<string | undefined> {
  try {
    const { account_details: accounts = [] } = (await ask(port, 'jsz?streams=true')) as Details;
    const all = accounts.flatMap(({ stream_detail: streams = [] }) => streams);
    return all.find(({ name }) => name === stream)?.cluster?.leader;
  } catch {
    return undefined;
  }
}

interface Details {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly cluster?: { readonly leader?: string } }[];
  }[];
}

async function ask(port: number, what: string): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}/${what}`)).json();
}

function isTooOld(said: string): boolean {
  const parts = /(\d+)\.(\d+)\.(\d+)/.exec(said)?.slice(1).map(Number) ?? [];
  const index = FIRST_WITH_REPLICAS.findIndex((wanted, i) => parts[i] !== wanted);
  return index >= 0 && !(parts[index]! > FIRST_WITH_REPLICAS[index]!);
}
