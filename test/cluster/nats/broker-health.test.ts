import { expect, it } from 'vitest';
import { BrokerHealth } from '../../../src/cluster/nats/broker-health.ts';

function follow(replicas: number) {
  const broker = { isReachable: true, replicas };
  const said: unknown[] = [];
  const health = new BrokerHealth(broker, (isWell, why) => said.push(why ?? isWell));
  return { broker, said, health };
}

it('NATS that can be reached and does not answer is said to be not well, once, and well when it answers', () => {
  const { said, health } = follow(1);
  health.asked();
  health.asked('timeout');
  health.asked('timeout');
  health.asked();
  health.asked();
  expect(said).toEqual(['it does not answer: timeout', true]);
});

it('of several servers, it is said how many must run', () => {
  const { said, health } = follow(3);
  health.asked('timeout');
  expect(said).toEqual(['it does not answer, and more than half of its servers must run: timeout']);
});

it('NATS that is lost is well again when it has answered, not when there is a connection', () => {
  const { broker, said, health } = follow(3);
  broker.isReachable = false;
  health.lost('the connection to NATS is lost');
  // What was asked over the connection that is lost.
  health.asked('timeout');
  broker.isReachable = true;
  health.asked('timeout');
  expect(said).toEqual(['the connection to NATS is lost']);
  // Who asks for the state reads what is so now.
  expect(health.state).toEqual({
    isReachable: false,
    why: 'it does not answer, and more than half of its servers must run: timeout',
  });
  health.asked();
  expect(said.at(-1)).toBe(true);
});
