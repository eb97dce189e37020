import { expect, it } from 'vitest';
import { TestNetwork } from '../../src/testing/index.ts';

it('the bridge bot repeats what is said to everyone on either server, and neither private messages nor other bridges', async () => {
  const [here, there] = [await TestNetwork.start(), await TestNetwork.start()];
  const [ann, bob] = [await here.user('ann'), await there.user('bob')];
  await here.bot('bots/bridge.ts', { options: { server: there.server } });
  await here.settled();
  await ann.tell('bridge', 'for you alone');
  await ann.say('<carl> by way of another bridge');
  await ann.say('hello over there');
  await bob.expects('<ann> hello over there');
  await bob.tell('bridge', 'for you alone');
  await bob.say('<carl> by way of another bridge');
  await bob.say('hello over here');
  await ann.expects('<bob> hello over here');
  expect([...ann.heard, ...bob.heard]).toHaveLength(2);
  await here.stop();
  await there.stop();
});
