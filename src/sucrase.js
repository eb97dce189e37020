// Of Sucrase, the quick compiler takes what finds types and takes them away: the build puts it into one file.
import { HelperManager } from 'sucrase/dist/esm/HelperManager.js';
import NameManager from 'sucrase/dist/esm/NameManager.js';
import TokenProcessor from 'sucrase/dist/esm/TokenProcessor.js';
import { parse } from 'sucrase/dist/esm/parser/index.js';
import RootTransformer from 'sucrase/dist/esm/transformers/RootTransformer.js';

export { IdentifierRole } from 'sucrase/dist/esm/parser/tokenizer/index.js';
export { TokenType } from 'sucrase/dist/esm/parser/tokenizer/types.js';

const OPTIONS = { transforms: ['typescript'], disableESTransforms: true, keepUnusedImports: true };

/** The source without its types, its tokens, and where each of those is in what is left. */
export function strip(source) {
  const { tokens, scopes } = parse(source, false, true, false);
  const nameManager = new NameManager(source, tokens);
  const helperManager = new HelperManager(nameManager);
  const tokenProcessor = new TokenProcessor(source, tokens, false, true, helperManager);
  const context = { tokenProcessor, scopes, nameManager, importProcessor: null, helperManager };
  const { code, mappings } = new RootTransformer(context, OPTIONS.transforms, false, OPTIONS).transform();
  return { code, tokens, places: mappings };
}
