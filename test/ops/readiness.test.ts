import { expect, it } from 'vitest';
import { Readiness } from '../../src/ops/readiness.ts';
import { withResolvers } from '../../src/util/deferred.ts';

function testable() {
  const tests: ReturnType<typeof withResolvers<string | undefined>>[] = [];
  const server = {
    isStopping: false,
    selfTest: () => {
      const test = withResolvers<string | undefined>();
      tests.push(test);
      return test.promise;
    },
  };
  let now = 0;
  const readiness = new Readiness(server, () => now);
  return { tests, server, readiness, pass: (ms: number) => void (now += ms) };
}

it('runs one test at a time, however many ask', async () => {
  const { tests, readiness } = testable();
  const answers = [readiness.problem(), readiness.problem()];
  expect(tests).toHaveLength(1);
  tests[0]!.resolve('login: no answer');
  expect(await Promise.all(answers)).toEqual(['server: login: no answer', 'server: login: no answer']);
});

it('a good result holds for five seconds, a bad one for one', async () => {
  const { tests, readiness, pass } = testable();
  const ask = (result: string | undefined): Promise<string | undefined> => {
    const answer = readiness.problem();
    tests.at(-1)!.resolve(result);
    return answer;
  };
  expect(await ask('bad')).toBe('server: bad');
  pass(999);
  expect(await readiness.problem()).toBe('server: bad');
  pass(1);
  expect(await ask(undefined)).toBeUndefined();
  pass(4_999);
  expect(await readiness.problem()).toBeUndefined();
  expect(tests).toHaveLength(2);
  pass(1);
  void readiness.problem();
  expect(tests).toHaveLength(3);
});

it('who cannot wait has the last result, and the next test begins', async () => {
  const { tests, readiness } = testable();
  expect(readiness.lastProblem).toBeUndefined();
  tests[0]!.resolve('bad');
  await readiness.problem();
  expect(readiness.lastProblem).toBe('server: bad');
});

it('a server that is stopping is not ready at once, and not tested', async () => {
  const { tests, server, readiness } = testable();
  server.isStopping = true;
  expect(await readiness.problem()).toBe('server: it is stopping');
  expect(readiness.lastProblem).toBe('server: it is stopping');
  expect(tests).toHaveLength(0);
});

it('a test that cannot be made is a problem, which holds for a second from then on', async () => {
  const { tests, readiness, pass } = testable();
  const answer = readiness.problem();
  pass(2_000);
  tests[0]!.reject(new Error('the workers do not answer'));
  expect(await answer).toBe('server: the workers do not answer');
  pass(999);
  expect(await readiness.problem()).toBe('server: the workers do not answer');
  expect(tests).toHaveLength(1);
  pass(1);
  void readiness.problem();
  expect(tests).toHaveLength(2);
});
