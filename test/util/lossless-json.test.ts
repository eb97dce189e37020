import { describe, expect, it } from 'vitest';
import { stringifyLossless } from '../../src/util/lossless-json.ts';

class Place {
  readonly [Symbol.toStringTag]?: string;

  constructor() {
    Object.defineProperty(this, Symbol.toStringTag, { value: 'Place' });
  }
}

describe('an object of a kind of its own', () => {
  it('is written where it has properties', () => {
    expect(stringifyLossless({ at: Object.assign(new Place(), { x: 1 }) })).toBe('{"at":{"x":1}}');
  });

  it('is an error where JSON keeps nothing of it', () => {
    const refused = "a Place at 'at', of which JSON keeps nothing";
    expect(() => stringifyLossless({ at: new Place() })).toThrow(refused);
  });
});
