import { NephoscopeError } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

/**
 * The keys for grouping, taken from each sample: `metadata.<key>`, with keys of inner objects after further dots. `instance` is the
 * instance of a disk or network card (`metadata.instance_id`), and otherwise the resource.
 */
export type GroupKey =
  'project' | 'user' | 'resource' | 'instance' | 'meter' | 'type' | 'unit' | 'source' | `metadata.${string}`;

/** A value of a sample's metadata as text; null if there is none. The caller provides it, because it knows how to read messages. */
export type MetadataValueOf = (sample: Sample, key: string) => string | null;

const fields: Readonly<Record<string, (sample: Sample) => string | null>> = {
  project: ({ projectId }) => projectId,
  user: ({ userId }) => userId,
  resource: ({ resourceId }) => resourceId,
  meter: ({ meter }) => meter,
  type: ({ type }) => type,
  unit: ({ unit }) => unit,
  source: ({ source }) => source,
};

const metadata = /^metadata\.(.+)$/s;

/** @throws GROUP_UNKNOWN */
export function groupKeyOf(name: string): GroupKey {
  if (Object.hasOwn(fields, name) || name === 'instance' || metadata.test(name)) return name as GroupKey;
  throw new NephoscopeError(
    'GROUP_UNKNOWN',
    `'${name.slice(0, 40)}' is nothing to group by: there are ${Object.keys(fields).join(', ')}, instance and metadata.<key>`,
  );
}

/** The value of each key. */
export function grouping(
  keys: readonly GroupKey[],
  metadataOf: MetadataValueOf,
): (sample: Sample) => (string | null)[] {
  const values = keys.map((key): ((sample: Sample) => string | null) => {
    const field = fields[key];
    if (field !== undefined) return field;
    if (key === 'instance') return (sample) => metadataOf(sample, 'instance_id') ?? sample.resourceId;
    const [, path = ''] = metadata.exec(key) ?? [];
    return (sample) => metadataOf(sample, path);
  });
  return (sample) => values.map((value) => value(sample));
}
