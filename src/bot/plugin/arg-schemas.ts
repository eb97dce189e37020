import type { ArgSpecs } from './commands.ts';

/** Whether there is anything to check. */
export function hasSchemas(specs: ArgSpecs): boolean {
  return Object.values(specs).some((spec) => 'schema' in spec && spec.schema !== undefined);
}

/**
 * Checks values by the schemas of their arguments; resolves to what these make of them, or to the first problem. An argument
 * that is left out, and has no default, is not checked.
 */
export async function applySchemas(
  specs: ArgSpecs,
  values: Readonly<Record<string, unknown>>,
): Promise<{ readonly values: Readonly<Record<string, unknown>> } | { readonly problem: string }> {
  const checked: Record<string, unknown> = { ...values };
  for (const [name, spec] of Object.entries(specs)) {
    const schema = 'schema' in spec ? spec.schema : undefined;
    if (!schema || values[name] === undefined) continue;
    const result = await schema['~standard'].validate(values[name]);
    if (result.issues) return { problem: `${name}: ${result.issues[0]?.message ?? 'it is not valid'}` };
    checked[name] = result.value;
  }
  return { values: checked };
}
