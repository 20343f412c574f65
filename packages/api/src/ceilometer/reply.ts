/** What a request is answered with: JSON, in parts that are made as the client takes them. */
export interface Reply {
  readonly body: string | AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

export function json(value: unknown): Reply {
  return { body: JSON.stringify(value) };
}

/** A JSON array of these JSON texts, between `before` and `after`. */
export async function* arrayOf(items: AsyncIterable<string>, before = '[', after = ']'): AsyncGenerator<string> {
  let part = before;
  let isFirst = true;
  for await (const item of items) {
    part += isFirst ? item : `,${item}`;
    isFirst = false;
    if (part.length < partSize) continue;
    yield part;
    part = '';
  }
  yield part + after;
}

/** Characters. */
const partSize = 16_384;

/** An object whose first member is a number with all the digits that it has. */
export function withNumber(name: string, number: string, rest: object): string {
  return `{${JSON.stringify(name)}:${number},${JSON.stringify(rest).slice(1)}`;
}

/** There are more than the limit, and nothing leads to them. */
export const moreHeader = { 'x-nephoscope-more': 'true' };

/** What `sum` and `avg` are, where the meter is not one whose readings may be added up. */
export const mathsHeader = {
  'x-nephoscope-maths':
    "readings as they are, as in Ceilometer: the sum and the average of a cumulative meter's, or the sum of a gauge's, mean nothing",
};
