import { expect, it, onTestFinished, vi } from 'vitest';
import { Conversation } from '../../../src/cli/chat/conversation.ts';
import type { Said } from '../../../src/cli/chat/view.ts';
import { ChatosClient } from '../../../src/client/client.ts';
import { joinAs, startServer } from '../../support/bot-world.ts';
import { openHalf, type RfcPeer } from '../../support/rfc-peer.ts';

async function chatting() {
  const server = await startServer();
  const client = await ChatosClient.connect({ server, login: 'ann' });
  onTestFinished(() => client.destroy());
  const said: Said[] = [];
  const notices: string[] = [];
  const view = {
    attach: () => undefined,
    said: (event: Said) => void said.push(event),
    notice: (text: string) => void notices.push(text),
  };
  const conversation = new Conversation(client, view);
  /** A private connection that the peer asks for. */
  const open = async (peer: RfcPeer) => {
    const accepting = conversation.accept(peer.name);
    await expect.poll(() => notices.some((text) => text.startsWith(`waiting for ${peer.name}`))).toBe(true);
    peer.request('ann');
    const half = await openHalf(server.port, (await peer.next(8)).connectId);
    onTestFinished(() => void half.destroy());
    await accepting;
    return half;
  };
  return { server, client, said, notices, conversation, open };
}

it('a hundred requests may wait for an answer; one more is refused, one made again is not', async () => {
  const { server, notices } = await chatting();
  const peers = await Promise.all(Array.from({ length: 101 }, (_, i) => joinAs(server, `peer ${i}`)));
  const last = peers.pop()!;
  for (const peer of peers) peer.request('ann');
  await expect.poll(() => notices.length).toBe(100);
  last.request('ann');
  expect(await last.next(7)).toMatchObject({ target: 'ann' });
  expect(notices).toHaveLength(100);
});

it('a line of a private connection that does not end is shown in parts', async () => {
  const { server, said, open } = await chatting();
  const bob = await joinAs(server, 'bob');
  const half = await open(bob);
  half.write('x'.repeat(4_096));
  bob.say('behind it');
  await expect.poll(() => said).toHaveLength(1);
  half.write('y');
  await expect.poll(() => said.at(-1)?.text).toBe(`${'x'.repeat(4_096)}y`);
  half.write('short\n');
  await expect.poll(() => said.at(-1)?.text).toBe('short');
});

it('ends its side of the private connection in use, and shows what still comes', async () => {
  const { server, said, conversation, open } = await chatting();
  const half = await open(await joinAs(server, 'bob'));
  conversation.endSide();
  await new Promise<void>((resolve) => half.resume().once('end', resolve));
  half.write('still here\n');
  await expect.poll(() => said.at(-1)?.text).toBe('still here');
});

it('closes the private connection in use, or that of a peer', async () => {
  const { server, conversation, open } = await chatting();
  for (const peer of [undefined, 'bob']) {
    const half = await open(await joinAs(server, peer ?? 'ann 2'));
    const closed = new Promise<void>((resolve) => half.resume().once('end', resolve));
    await Promise.all([conversation.close(peer), closed.then(() => half.end())]);
    expect(conversation.target).toBe(undefined);
    await expect(conversation.close(peer)).rejects.toThrow('there is no such private connection');
  }
});

it('who is waited for, and does not ask for half a minute, is waited for no longer', async () => {
  const { conversation } = await chatting();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const failed = vi.fn<() => void>();
  const accepting = conversation.accept('nobody').catch(failed);
  vi.advanceTimersByTime(29_999);
  await new Promise(setImmediate);
  expect(failed).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  await accepting;
  expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'TIMED_OUT' }));
});

it('who is waited for a second time is waited for until that is over', async () => {
  const { server, conversation, notices } = await chatting();
  const bob = await joinAs(server, 'bob');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const first = conversation.accept('bob').catch(() => 'timed out');
  vi.advanceTimersByTime(20_000);
  const second = conversation.accept('bob');
  vi.advanceTimersByTime(10_000);
  expect(await first).toBe('timed out');
  vi.useRealTimers();
  bob.request('ann');
  const half = await openHalf(server.port, (await bob.next(8)).connectId);
  onTestFinished(() => void half.destroy());
  await second;
  expect(notices.at(-1)).toMatch(/^lines go to bob /);
});

it('leaving gives peers two seconds to end their side of private connections', async () => {
  const { server, client, conversation, open } = await chatting();
  const half = await open(await joinAs(server, 'bob'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const ended = new Promise<void>((resolve) => half.resume().once('end', resolve));
  const left = vi.fn<() => void>();
  const leaving = conversation.end().then(left);
  await ended;
  vi.advanceTimersByTime(1_999);
  // Whatever the server has to say of it has come by then.
  for (let i = 0; i < 100; i += 1) await new Promise(setImmediate);
  expect(left).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  await leaving;
  expect(client.connected).toBe(false);
});
