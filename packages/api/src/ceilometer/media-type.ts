/** The possible types of a reply; the first is preferred if a client accepts several equally. */
const offered = ['application/json', 'application/xml', 'text/xml'] as const;
export type MediaType = (typeof offered)[number];

/**
 * The type of the reply for this `Accept` header: the one with the highest quality and, among equal ones, the most specific.
 * Undefined if the client accepts none.
 */
export function acceptedType(accept: string | undefined): MediaType | undefined {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = accept.split(',').map(rangeOf);
  let best: { readonly type: MediaType; readonly quality: number; readonly exactness: number } | undefined;
  for (const type of offered) {
    const matching = ranges.filter(({ range }) => matches(range, type));
    const exactness = Math.max(...matching.map(({ range }) => exactnessOf(range)));
    const quality = matching.find(({ range }) => exactnessOf(range) === exactness)?.quality ?? 0;
    if (quality === 0) continue;
    if (best === undefined || quality > best.quality || (quality === best.quality && exactness > best.exactness))
      best = { type, quality, exactness };
  }
  return best?.type;
}

function rangeOf(text: string): { readonly range: string; readonly quality: number } {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  // A malformed value is ignored.
  const quality = Number(parameters.map((one) => /^q=(0(?:\.\d*)?|1)/.exec(one)?.[1]).find((one) => one) ?? 1);
  return { range: range === '*' ? '*/*' : range, quality };
}

function matches(range: string, type: MediaType): boolean {
  return range === type || range === '*/*' || range === `${type.split('/')[0]}/*`;
}

/** 2 for a type, 1 for all subtypes of a type, 0 for everything. */
function exactnessOf(range: string): number {
  return 2 - range.split('*').length + 1;
}
