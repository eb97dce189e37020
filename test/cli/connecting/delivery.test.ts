import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { Delivery } from '../../../src/cli/connecting/delivery.ts';
import type { ChatosClient } from '../../../src/client/client.ts';
import { ChatosError } from '../../../src/errors.ts';
import { withResolvers } from '../../../src/util/deferred.ts';

/** A client whose server confirms when the test says so. */
class FakeClient extends EventEmitter {
  connected = true;
  readonly said: string[] = [];
  readonly #questions: ReturnType<typeof withResolvers<void>>[] = [];

  async say(text: string): Promise<void> {
    this.said.push(text);
  }

  roundTrip(): Promise<void> {
    const question = withResolvers<void>();
    this.#questions.push(question);
    return question.promise;
  }

  confirm(): void {
    this.#questions.shift()!.resolve();
  }

  lose(): void {
    this.connected = false;
    for (const { reject } of this.#questions.splice(0)) reject(new ChatosError('CONNECTION_LOST', 'lost'));
    this.emit('disconnected', undefined);
  }

  comeBack(): void {
    this.connected = true;
    this.emit('connected');
  }
}

function delivering() {
  const client = new FakeClient();
  return { client, delivery: new Delivery(client as unknown as ChatosClient, undefined, new AbortController().signal) };
}

test('sends again, in order, what was not confirmed when the session was lost, and then the rest', async () => {
  const { client, delivery } = delivering();
  await delivery.send('one');
  client.confirm();
  await Promise.resolve();
  await delivery.send('two');
  await delivery.send('three');
  client.lose();
  const four = delivery.send('four');
  client.comeBack();
  await four;
  expect(client.said.slice(3)).toEqual(['two', 'three', 'four']);
});

test('waits for a confirmation when 256 texts have none', async () => {
  const { client, delivery } = delivering();
  let sent = 0;
  const sending = (async () => {
    for (; sent < 300; sent += 1) await delivery.send(`line ${sent}`);
  })();
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settled();
  expect(client.said).toHaveLength(256);
  // The first question was asked behind the first text.
  client.confirm();
  await settled();
  expect(client.said).toHaveLength(257);
  client.confirm();
  await sending;
  expect(client.said).toHaveLength(300);
});
