/** Nodes of a cluster, each the command of its own. */
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { NatsServer } from '../support/nats-server.ts';
import { ownAddress } from '../support/own-port.ts';
import { LAB, labFile, start } from './chatosbot.ts';
import type { Command } from '../support/command.ts';

export const LEASE_MS = 3_000;

export interface NodeOptions {
  readonly args?: readonly string[];
  readonly workers?: number;
  readonly secret?: string;
  /** More lines of `serve.cluster`. */
  readonly more?: string;
}

/** Where a test's nodes meet. */
export async function startNats(): Promise<NatsServer> {
  const nats = await NatsServer.start();
  onTestFinished(() => nats.remove());
  return nats;
}

let files = 0;

/** The configuration of a node. */
export function nodeConfig(
  url: string,
  name: string,
  { secret = 'the secret of a test', more = '' }: NodeOptions,
): string {
  files += 1;
  const secretFile = labFile(`secret-${files}`, `${secret}\n`);
  return labFile(
    `node-${files}.yaml`,
    `serve:
  limits: { exempt: [127.0.0.0/8] }
  cluster:
    broker: ${url}
    node: ${name}
    peer: 127.0.0.1:0
    secretFile: ${secretFile}
    leaseTtlMs: ${LEASE_MS}
    claimTimeoutMs: 2000
${more}`,
  );
}

export interface StartedNode {
  readonly name: string;
  readonly command: Command;
  readonly port: number;
  readonly control: string;
  /** What its status endpoint answers. */
  readonly get: (path: string) => Promise<string>;
}

/** Starts a node; users can log in then. */
export async function startNode(nats: NatsServer, name: string, options: NodeOptions = {}): Promise<StartedNode> {
  const { workers = 1, args = [] } = options;
  const config = nodeConfig(nats.url, name, options);
  const control = `${LAB}/${name}-${files}.sock`;
  const own = ['--state', `${LAB}/${name}-${files}`, '--control', control, '--status', '0', '--workers', `${workers}`];
  const command = start(['serve', '--listen', await ownAddress(), '--config', config, ...own, ...args], {
    env: { TMPDIR: LAB },
  });
  const [, port] = await command.line(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/, 'stderr', 30_000);
  const [, status] = await command.line(/status on (\S+)/);
  const get = async (path: string): Promise<string> => (await fetch(new URL(path, status))).text();
  return { name, command, port: Number(port), control, get };
}

/** Nodes `a`, `b`, … whose workers all have their links. */
export async function startNodes(nats: NatsServer, count: number, options: NodeOptions = {}): Promise<StartedNode[]> {
  const names = Array.from({ length: count }, (_, i) => String.fromCodePoint(97 + i));
  const nodes = await Promise.all(names.map((name) => startNode(nats, name, options)));
  await linked(nodes, (options.workers ?? 1) ** 2 * (count - 1));
  return nodes;
}

/** Resolves when each node has so many links, and all of them are up. */
export async function linked(nodes: readonly StartedNode[], links: number): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    const all = await Promise.all(nodes.map(async (node) => node.get('/healthz')));
    if (all.every((text) => text.includes(`\n${links} of ${links} link`))) return;
    if (Date.now() > end) throw new Error(`the nodes are not linked: ${all.join('\n')}`);
    // It costs them as much as the test.
    await setTimeout(100);
  }
}
