import { createHash } from 'node:crypto';

import { formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { formatJson, memberSpans, parseJson } from '@nephoscope/message';

import { csvLine } from '../text/csv.js';

/** How samples are written. */
export interface ExportFormat {
  readonly head: string;
  line(sample: Sample): string;
  /** The last line: without it, the export was cut. */
  end(count: number, sha256: string): string;
}

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

export const exportFormats = {
  /** Each message as it was received, on one line: its fields are those of Ceilometer's samples, and its signature remains valid. */
  ndjson: {
    head: '',
    line: ({ text }) => `${messageLine(text)}\n`,
    end: (count, sha256) => `${JSON.stringify({ end: { count, sha256 } })}\n`,
  },
  csv: {
    head: csvLine(Object.keys(columns)),
    line: (sample) => csvLine(Object.values(columns).map((column) => column(sample))),
    end: (count, sha256) => `#end,count=${count},sha256=${sha256}\n`,
  },
} as const satisfies Readonly<Record<string, ExportFormat>>;

/** A message on one line. In JSON, line ends occur only between values. */
export function messageLine(text: string): string {
  return /[\r\n]/.test(text) ? formatJson(parseJson(text)) : text;
}

/** Characters; writing and hashing larger parts costs no less for each sample. */
const partLength = 65_536;

/**
 * The export in parts. Its last line gives the number of samples and the SHA-256 of all bytes before that line.
 *
 * @param progress is given the number of samples so far
 */
export async function* exportText(
  samples: AsyncIterable<Sample>,
  { head, line, end }: ExportFormat,
  progress: (count: number) => void,
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let part = head;
  let count = 0;
  for await (const sample of samples) {
    part += line(sample);
    count += 1;
    if (part.length < partLength) continue;
    progress(count);
    hash.update(part);
    yield part;
    part = '';
  }
  progress(count);
  hash.update(part);
  yield part + end(count, hash.digest('hex'));
}

function metadataOf(text: string): string | null {
  const [span] = memberSpans(text, ['resource_metadata']);
  return span === undefined ? null : text.slice(span.start, span.end);
}
