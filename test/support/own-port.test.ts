import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownPort, portsNotGiven } from './own-port.ts';

const MODULE = fileURLToPath(new URL('own-port.ts', import.meta.url));

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return server;
}

/** A process that takes this many ports, the same ones as others would that are alone, and goes on. */
async function takeElsewhere(count: number): Promise<{ child: ChildProcess; ports: number[] }> {
  const script = `
    Object.defineProperty(process, 'pid', { value: 1 });
    const { createJiti } = await import(${JSON.stringify(import.meta.resolve('jiti'))});
    const { ownPort } = await createJiti(${JSON.stringify(MODULE)}).import(${JSON.stringify(MODULE)});
    const ports = [];
    while (ports.length < ${count}) ports.push(await ownPort());
    process.on('message', () => undefined);
    process.send(ports);`;
  const child = fork('-', { execArgv: ['--input-type=module', '-e', script] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [ports] = (await once(child, 'message')) as [number[]];
  return { child, ports };
}

describe('a port of a test', () => {
  it('is not met by servers that take any port, while nobody listens there', async () => {
    const port = await ownPort();
    const met: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const servers = await Promise.all(Array.from({ length: 100 }, () => listen(0)));
      met.push(...servers.map((server) => (server.address() as AddressInfo).port));
      await Promise.all(servers.map((server) => once(server.close(), 'close')));
    }
    const { from, to } = portsNotGiven();
    expect(port).toBeGreaterThanOrEqual(from);
    expect(port).toBeLessThan(to);
    expect(met.filter((each) => each >= from && each < to)).toEqual([]);
    await listen(port);
  });

  it('is not one that another process has, though nobody listens there', async () => {
    const [one, other] = await Promise.all([takeElsewhere(50), takeElsewhere(50)]);
    expect(new Set([...one.ports, ...other.ports]).size).toBe(100);
  });

  it('is not one where somebody listens', async () => {
    const { child, ports } = await takeElsewhere(5);
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (const port of ports) await listen(port);
    const next = await takeElsewhere(5);
    expect(next.ports.filter((port) => ports.includes(port))).toEqual([]);
  });
});

it.each([
  ['as Linux has it', [32_768, 61_000], [10_000, 32_768]],
  ['as macOS has it', [49_152, 65_536], [10_000, 49_152]],
  ['set low', [1024, 40_001], [40_002, 65_536]],
  ['set to nearly all ports', [1024, 65_536], [10_000, 32_768]],
] as const)('ports that the system does not give, where those that it gives are %s', (_, given, not) => {
  expect(portsNotGiven({ from: given[0], to: given[1] })).toEqual({ from: not[0], to: not[1] });
});
