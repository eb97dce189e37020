import { beforeAll, describe, expect, test } from 'vitest';
import { openHalf, readAll } from '../support/rfc-peer.ts';
import { startChat } from './chatosbot.ts';
import { acceptNext, ask, fate, peer } from './peers.ts';
import { sharedServer } from './shared-server.ts';

let at: string;
let port: number;

beforeAll(async () => {
  ({ at, port } = await sharedServer());
});

describe('chat, with private connections,', () => {
  test('asks for a private connection with /pipe, talks over it, and goes back with /room', async () => {
    const carol = await peer(port, 'carol');
    const { chat: script, me } = await startChat(at);
    script.type('/pipe carol\n');
    const { half } = await acceptNext(carol, port);
    await script.line(/lines go to carol over the private connection/);
    script.type('secret\n');
    const [data] = (await new Promise((resolve) => half.once('data', (chunk) => resolve([chunk])))) as [Buffer];
    expect(String(data)).toBe('secret\n');
    half.write('quite so\r\n');
    expect((await script.line(/quite so/, 'stdout')).input).toMatch(/ \[carol\]: quite so$/);
    script.type('/room\nback again\n');
    expect(await carol.next(3)).toMatchObject({ login: me, msg: 'back again' });
    const left = readAll(half);
    script.stdin.end();
    half.end();
    await left;
    expect(await script.exit()).toMatchObject({ status: 0 });
  });

  test('accepts a request with /accept, and closes the connection with /close (packet 11)', async () => {
    const dora = await peer(port, 'dora');
    const { chat: script, me } = await startChat(at);
    dora.request(me);
    await script.line(new RegExp(`dora asks for a private connection: /accept dora or /refuse dora`));
    script.type('/accept dora\n');
    const { connectId } = await dora.next(8);
    const half = await openHalf(port, connectId);
    await script.line(/lines go to dora/);
    const end = readAll(half);
    script.type('/close\n');
    expect(await dora.next(12)).toMatchObject({ target: me });
    await end;
    half.end();
    await script.line(/the private connection with dora is closed/);
    await script.line(/lines go to everyone/);
  });

  test('waits with /accept for a request that has not come yet', async () => {
    const { chat: script, me } = await startChat(at);
    script.type('/accept eve\n');
    await script.line(/waiting for eve/);
    const { half } = await ask(await peer(port, 'eve'), port, me);
    half.end('here I am');
    await script.line(/lines go to eve/);
    expect(await script.line(/here I am/, 'stdout')).toMatchObject({ input: expect.stringContaining('[eve]: ') });
  });

  test('refuses a request with /refuse', async () => {
    const fred = await peer(port, 'fred');
    const { chat: script, me } = await startChat(at);
    fred.request(me);
    await script.line(/fred asks/);
    script.type('/refuse fred\n');
    expect(await fred.next(7)).toMatchObject({ requester: 'fred', target: me });
    await script.line(/refused fred/);
  });

  test('says nothing to everyone that was meant for a private connection that broke, until /room', async () => {
    const gina = await peer(port, 'gina');
    const { chat: script } = await startChat(at);
    script.type('/pipe gina\n');
    const { half } = await acceptNext(gina, port);
    await script.line(/lines go to gina/);
    half.resetAndDestroy();
    await script.line(/the private connection with gina broke/);
    await script.line(/lines are not sent; \/room/);
    script.type('the password is 42\n/room\nanybody?\n');
    await script.line(/not sent: the private connection with gina is closed/);
    expect(await gina.next(3)).toMatchObject({ msg: 'anybody?' });
    script.stdin.end();
    expect(await script.exit()).toMatchObject({ status: 75 });
  });

  test('says nothing to everyone behind a private connection that was refused', async () => {
    const kim = await peer(port, 'kim');
    const { chat: script, me } = await startChat(at);
    script.type('/pipe kim\nsecret\n/room\nin public\n');
    await kim.next(5);
    kim.ko(me);
    expect(await kim.next(3)).toMatchObject({ msg: 'in public' });
    script.stdin.end();
    expect(await script.exit()).toMatchObject({ status: 77 });
  });

  test('resets its private connections when it is interrupted', async () => {
    const ivy = await peer(port, 'ivy');
    const { chat: script } = await startChat(at);
    script.type('/pipe ivy\n');
    const { half } = await acceptNext(ivy, port);
    await script.line(/lines go to ivy/);
    const end = fate(half);
    script.kill('SIGTERM');
    expect(await end).toBe('reset');
    expect(await script.exit()).toMatchObject({ status: 143 });
  });
});
