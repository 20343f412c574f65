import fc from 'fast-check';

/** A reader of foreign input. */
export interface Target {
  readonly name: string;
  /** Inputs, most of them nearly valid. */
  readonly inputs: fc.Arbitrary<string>;
  /** How many of them take about a second. */
  readonly runs: number;
  /** @throws an error if the input was handled wrongly: an unexpected error, or an invalid input that was accepted */
  check(input: string): void | Promise<void>;
  /** Ends what its checks have started. */
  stop?(): Promise<void>;
}

/** Values that were handled wrongly somewhere, or are edge cases. */
const snippets = fc.oneof(
  fc.constantFrom(
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\n',
    '\r\n',
    '\0',
    '\ufeff',
    '\u2028',
    '🙂',
    '\ud800',
    "'",
  ),
  fc.constantFrom(
    'null',
    'true',
    '{}',
    '[]',
    '""',
    '"__proto__":{}',
    '"constructor":1',
    '"\\ud800"',
    '\\u0000',
    'NaN',
  ),
  fc.constantFrom(
    '1e999999',
    '-0',
    '01',
    '0x10',
    '1e-400',
    '18446744073709551616',
    '9007199254740993',
    '1.0',
    '10e-1',
  ),
  fc.integer({ min: 1, max: 5_000 }).map((length) => '9'.repeat(length)),
  fc
    .integer({ min: 1, max: 2_000 })
    .chain((depth) => fc.constantFrom('[', '{"a":', '[{"":').map((one) => one.repeat(depth))),
  fc.integer({ min: 1, max: 6_000 }).chain((count) =>
    fc
      .constantFrom<(n: number) => string>(
        String,
        (n) => String(n * 65_536),
        (n) => ((n * 7_919) % 1_679_616).toString(36),
      )
      .map((key) => `,"z":{${Array.from({ length: count }, (_, n) => `"${key(n)}":0`).join(',')}}`),
  ),
  fc.string({ maxLength: 20 }),
  fc.json({ maxDepth: 3 }),
);

const edit = fc.record({
  at: fc.nat(),
  remove: fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(200) }),
  insert: fc.oneof({ weight: 1, arbitrary: fc.constant('') }, { weight: 3, arbitrary: snippets }),
});

/** These texts with some places changed, and sometimes unchanged. */
export function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(texts, fc.array(edit, { maxLength: 4 })).map(([text, edits]) => {
    let changed = text;
    for (const { at, remove, insert } of edits) {
      const place = at % (changed.length + 1);
      changed = changed.slice(0, place) + insert + changed.slice(place + remove);
    }
    return changed;
  });
}
