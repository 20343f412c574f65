import { csvLine, csvOf, ndjsonOf } from '@nephoscope/api/rows';
import { formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { formatJson, memberSpans, parseJson } from '@nephoscope/message';

const columns: Readonly<Record<string, (sample: Sample) => string | null>> = {
  message_id: ({ messageId }) => messageId,
  source: ({ source }) => source,
  counter_name: ({ meter }) => meter,
  counter_type: ({ type }) => type,
  counter_unit: ({ unit }) => unit,
  counter_volume: ({ volume }) => volume,
  user_id: ({ userId }) => userId,
  project_id: ({ projectId }) => projectId,
  resource_id: ({ resourceId }) => resourceId,
  timestamp: ({ timestamp }) => formatTimestamp(timestamp),
  publisher_id: ({ publisherId }) => publisherId,
  sequence: ({ sequence }) => (sequence === null ? null : String(sequence)),
  epoch: ({ epoch }) => epoch,
  resource_metadata: ({ text }) => metadataOf(text),
};

/**
 * Samples as rows. In `ndjson` each message is as it was received, on one line: its fields are those of Ceilometer's samples, and its
 * signature remains valid.
 */
export const exportFormats = { ndjson: ndjsonOf<Sample>, csv: csvOf<Sample> };

export const sampleRows = {
  head: Object.keys(columns),
  csv: (sample: Sample) => csvLine(Object.values(columns).map((column) => column(sample))),
  json: ({ text }: Sample) => messageLine(text),
};

/** A message on one line. In JSON, line ends occur only between values. */
export function messageLine(text: string): string {
  return /[\r\n]/.test(text) ? formatJson(parseJson(text)) : text;
}

function metadataOf(text: string): string | null {
  const [span] = memberSpans(text, ['resource_metadata']);
  return span === undefined ? null : text.slice(span.start, span.end);
}
