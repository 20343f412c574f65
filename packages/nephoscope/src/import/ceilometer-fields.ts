import type { JsonObject, JsonValue } from '@nephoscope/message';

/**
 * The fields of a metering message, and what Ceilometer calls them elsewhere: `/v2/samples` and its tables have other names than its
 * messages, `/v1` and `/v2/meters/{meter}`.
 */
const names: Readonly<Record<string, readonly string[]>> = {
  message_id: ['message_id', 'id'],
  source: ['source', 'source_id'],
  counter_name: ['counter_name', 'meter'],
  counter_type: ['counter_type', 'type'],
  counter_unit: ['counter_unit', 'unit'],
  counter_volume: ['counter_volume', 'volume'],
  user_id: ['user_id'],
  project_id: ['project_id'],
  resource_id: ['resource_id'],
  timestamp: ['timestamp'],
  resource_metadata: ['resource_metadata', 'metadata'],
};

/** Those that a table must have. */
export const neededFields = [
  'message_id',
  'counter_name',
  'counter_type',
  'counter_volume',
  'resource_id',
  'timestamp',
];

/** The name that a field has among these. */
export function nameOf(field: string, present: { has(name: string): boolean }): string | undefined {
  return names[field]?.find((name) => present.has(name));
}

export function allNamesOf(field: string): string {
  return (names[field] ?? []).join(' or ');
}

/** They are listed for people. */
const mostLeftOut = 100;

/**
 * The fields of a sample by the names of a metering message.
 *
 * @param leftOut is given the names of all others
 */
export function ceilometerFields(row: JsonObject, leftOut: Set<string>): JsonObject {
  const fields = new Map<string, JsonValue>();
  const used = new Set<string>();
  for (const field of Object.keys(names)) {
    const name = nameOf(field, row);
    if (name === undefined) continue;
    used.add(name);
    fields.set(field, row.get(name) ?? null);
  }
  for (const name of row.keys()) if (!used.has(name) && leftOut.size < mostLeftOut) leftOut.add(name);
  return fields;
}
