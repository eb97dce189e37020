import { toJsonSchema } from '@valibot/to-json-schema';
import { expect, test } from 'vitest';
import { CONFIG_SCHEMA } from '../../src/config/schema.ts';

/** `npm run schema` writes the file anew. */
test('docs/config.schema.json is what the schema of the configuration generates', async () => {
  const schema = toJsonSchema(CONFIG_SCHEMA, {
    errorMode: 'ignore',
    // The options of a bot are the one value that only code checks.
    overrideSchema: ({ valibotSchema }) => (valibotSchema.type === 'custom' ? { type: 'object' } : undefined),
  });
  const text = `${JSON.stringify({ title: 'chatosbot configuration', ...schema, patternProperties: { '^x-': {} } }, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../docs/config.schema.json');
});
