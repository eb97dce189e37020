/** That the libraries which the docs name serve as schemas of options, in what they check and in the types they give. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import { checkOptions, defineBot, type BotPlugin } from 'chatosbot';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

interface Options {
  greeting: string;
  times: number;
}

const withZod = defineBot({
  options: z.object({ greeting: z.string().default('Hello'), times: z.number().max(3) }),
  schedule: (options) => {
    expectTypeOf(options).toEqualTypeOf<Options>();
    return {};
  },
  onMessage: (_message, ctx) => {
    expectTypeOf(ctx.options).toEqualTypeOf<Options>();
  },
});
const withValibot = defineBot({
  options: v.object({ greeting: v.optional(v.string(), 'Hello'), times: v.pipe(v.number(), v.maxValue(3)) }),
  onMessage: (_message, ctx) => {
    expectTypeOf(ctx.options).toEqualTypeOf<Options>();
  },
});
const withArktype = defineBot({
  options: type({ greeting: 'string = "Hello"', times: 'number <= 3' }),
  onMessage: (_message, ctx) => {
    expectTypeOf(ctx.options).toEqualTypeOf<Options>();
  },
});

describe.each<[string, BotPlugin]>([
  ['zod', withZod],
  ['valibot', withValibot],
  ['arktype', withArktype],
])('a schema of %s', (_, { options }) => {
  const optionsSchema = options as StandardSchemaV1;

  it('fills in defaults', async () => {
    const filled = { greeting: 'Hello', times: 2 };
    expect(await checkOptions({ optionsSchema }, { times: 2 })).toEqual({ options: filled });
  });

  it('tells all that is wrong, each with its place', async () => {
    const checked = await checkOptions({ optionsSchema }, { greeting: 5, times: 4 });
    const paths = 'problems' in checked ? checked.problems.map(({ path }) => path) : [];
    expect(paths).toHaveLength(2);
    expect(paths).toEqual(expect.arrayContaining([['greeting'], ['times']]));
  });
});
