/** A reply as JSON texts, which are produced as the client reads them, and converted to XML if the client prefers that. */
export type Reply = {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
} & (
  | { readonly item: string }
  | {
      readonly items: AsyncIterable<string>;
      /** The name of the array within an object, as in v1; by default the array itself is the reply. */
      readonly name?: string | undefined;
    }
);

export function json(value: unknown): Reply {
  return { item: JSON.stringify(value) };
}

/** An object whose first member is a number with all its digits. */
export function withNumber(name: string, number: string, rest: object): string {
  return `{${JSON.stringify(name)}:${number},${JSON.stringify(rest).slice(1)}`;
}

/** There are more items than the limit, but no link to them. */
export const moreHeader = { 'x-nephoscope-more': 'true' };

/** What `sum` and `avg` mean for a meter whose readings should not be added. */
export const mathsHeader = {
  'x-nephoscope-maths':
    "readings as they are, as in Ceilometer: the sum and the average of a cumulative meter's, or the sum of a gauge's, mean nothing",
};
