import { NephoscopeError, formatTimestamp } from '@nephoscope/core';
import { JsonNumber, parseJson } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

import { allNamesOf, ceilometerFields, nameOf, neededFields } from './ceilometer-fields.js';
import type { Row, Table } from './delimited.js';
import type { Entry } from './entry.js';
import { reasonOf } from './json-lines.js';
import type { ImportSettings } from './json-lines.js';
import { takeOver } from './take-over.js';

/**
 * Rows of Ceilometer's table of samples, joined with those of meters and resources.
 *
 * @throws IMPORT_UNREADABLE if columns are missing, or the table is an export of Nephoscope
 */
export async function* ceilometerTable(
  { columns, rows }: Table,
  placeOf: (line: number) => string,
  settings: ImportSettings,
): AsyncGenerator<Entry> {
  const present = new Set(columns);
  if (present.has('publisher_id'))
    throw new NephoscopeError(
      'IMPORT_UNREADABLE',
      'it is an export of Nephoscope as CSV, which has no signatures: export as NDJSON',
    );
  const missing = neededFields.filter((field) => nameOf(field, present) === undefined);
  if (missing.length > 0)
    throw new NephoscopeError(
      'IMPORT_UNREADABLE',
      `the table has no column ${missing.map(allNamesOf).join(', and none ')}; its first line must name them`,
    );
  for await (const row of rows) yield entryOf(row, placeOf(row.line), settings);
}

function entryOf({ cells }: Row, place: string, { leftOut, signer }: ImportSettings): Entry {
  if ('problem' in cells) return { place, problem: cells.problem };
  try {
    const fields = withValues(ceilometerFields(cells, leftOut));
    return { place, sample: takeOver(fields, 'ceilometer', signer), takenOver: true };
  } catch (error) {
    return { place, problem: reasonOf(error) };
  }
}

function withValues(fields: JsonObject): JsonObject {
  const values = new Map<string, JsonValue>(fields);
  const text = (field: string) => (fields.get(field) ?? null) as string | null;
  const volume = text('counter_volume');
  const metadata = text('resource_metadata');
  const time = text('timestamp');
  if (volume !== null) values.set('counter_volume', exactVolume(volume));
  if (metadata !== null) values.set('resource_metadata', parseJson(metadata));
  if (time !== null) values.set('timestamp', timeText(time));
  return values;
}

/** @throws IMPORT_LINE if it is not a number in the notation of JSON, which is kept as it is */
export function exactVolume(text: string): JsonNumber {
  let value: JsonValue | undefined;
  try {
    value = parseJson(text);
  } catch {
    // Said below.
  }
  if (value instanceof JsonNumber) return value;
  throw new NephoscopeError('IMPORT_LINE', `its volume is '${text.slice(0, 40)}', which is not a number`);
}

/** MySQL has no fractions of seconds in times, so Ceilometer stores seconds since 1970 there, as a decimal. */
function timeText(text: string): string {
  const [, seconds, fraction = ''] = /^(\d{1,11})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds === undefined) return text;
  return formatTimestamp(BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0')));
}
