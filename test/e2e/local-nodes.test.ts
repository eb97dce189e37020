import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { NO_NATS } from '../support/nats-server.ts';
import { readAll } from '../support/rfc-peer.ts';
import { failure, LAB, labFile, start } from './chatosbot.ts';
import { LEASE_MS, startNats } from './cluster-nodes.ts';
import { acceptNext, ask, peer } from './peers.ts';
import { isRunning, workersOf } from './worker-processes.ts';

/** Three nodes, as one command starts them. */
async function startThree(url: string, state: string) {
  const text = `serve: { cluster: { broker: '${url}', leaseTtlMs: ${LEASE_MS} }, limits: { exempt: [127.0.0.0/8] } }`;
  const config = ['--config', labFile(`${state}.yaml`, text), '--state', `${LAB}/${state}`, '--no-control'];
  const command = start(['serve', '--nodes', '3', '--listen', '127.0.0.1:0', ...config], {
    env: { TMPDIR: LAB },
  });
  const [, list = ''] = await command.line(/^users connect to (\S+)$/);
  const ports = list.split(',').map((address) => Number(/^tcp:\/\/127\.0\.0\.1:(\d+)$/.exec(address)![1]));
  return { command, ports };
}

describe.skipIf(NO_NATS)('several nodes on one machine', () => {
  test('are started by one command, and end with it', async () => {
    const { url } = await startNats();
    const { command, ports } = await startThree(url, 'three');
    expect(new Set(ports).size).toBe(3);
    const [alice, bob] = [await peer(ports[0]!, 'alice'), await peer(ports[2]!, 'bob')];
    await vi.waitFor(async () => {
      alice.tell('bob', 'hello');
      expect(await bob.next(4, { timeoutMs: 500 })).toMatchObject({ msg: 'hello' });
    });
    const nodes = workersOf(command.pid);
    const all = [...nodes, ...nodes.flatMap(workersOf)];
    expect(nodes).toHaveLength(3);
    command.kill('SIGTERM');
    expect(await command.exit()).toMatchObject({ status: 0, stdout: '' });
    expect(all.filter(isRunning)).toEqual([]);
    expect(readFileSync(`${LAB}/three/cluster.secret`, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  });

  test('one that is killed is reported and started again; where the command is killed, none is left', async () => {
    const { url } = await startNats();
    const { command, ports } = await startThree(url, 'killed');
    for (let node = 1; node <= 3; node++) await command.line(/^node-\d: listening on tcp:/);
    const [alice, bob] = [await peer(ports[0]!, 'alice'), await peer(ports[2]!, 'bob')];
    const [one, other] = await Promise.all([ask(alice, ports[0]!, 'bob'), acceptNext(bob, ports[2]!)]);
    const names = workersOf(command.pid).map((pid) => ({ pid, text: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }));
    // Other users see arguments, and the address of NATS may have a password.
    expect(names.filter(({ text }) => text.includes('nats://'))).toEqual([]);
    process.kill(names.find(({ text }) => text.includes('--node=node-2'))!.pid, 'SIGKILL');
    await command.line(/^node-\d has ended \(SIGKILL\): it is started again$/);
    await command.line(/^node-\d: listening on tcp:/, 'stderr', 50_000);
    const all = workersOf(command.pid).flatMap((pid) => [pid, ...workersOf(pid)]);
    expect(all).toHaveLength(6);
    // What is at the others has not noticed.
    one.half.end('still here');
    expect((await readAll(other.half)).toString()).toBe('still here');
    alice.tell('bob', 'hello');
    expect(await bob.next(4)).toMatchObject({ msg: 'hello' });
    process.kill(command.pid, 'SIGKILL');
    await vi.waitFor(() => expect(all.filter(isRunning)).toEqual([]), { timeout: 15_000 });
  });

  test('what is wrong is said once, with the exit code of the node', async () => {
    const ended = (...args: string[]) => failure(start(['serve', '--nodes', '2', '--listen', '127.0.0.1:0', ...args]));
    const state = ['--state', `${LAB}/wrong`];
    const unreachable = await ended('--cluster', 'nats://127.0.0.1:1', ...state);
    expect(unreachable).toMatchObject({
      status: 69,
      last: expect.stringMatching(/^node-1: chatosbot: no NATS server/),
    });
    expect(await ended(...state)).toMatchObject({ status: 2, last: expect.stringMatching(/add --cluster nats:/) });
    const named = await ended('--cluster', 'nats://127.0.0.1:1', '--node', 'a', ...state);
    expect(named).toMatchObject({ status: 2, last: expect.stringMatching(/--node is for one node/) });
  });
});
