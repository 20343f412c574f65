/** What a request is answered with: JSON texts, which are made as the client takes them, and written as XML if it prefers that. */
export type Reply = {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
} & (
  | { readonly item: string }
  | {
      readonly items: AsyncIterable<string>;
      /** The name of the array in an object, as v1 has it; by default the array is the reply. */
      readonly name?: string | undefined;
    }
);

export function json(value: unknown): Reply {
  return { item: JSON.stringify(value) };
}

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
