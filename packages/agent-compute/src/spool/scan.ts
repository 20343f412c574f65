import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { temporarySuffix } from '../disk/replace-file.js';
import type { Dropped } from './dropped.js';
import { readParts } from './segment-reader.js';
import { isWithin, parseSegmentName } from './segment.js';
import type { SegmentRange } from './segment.js';
import { timeOf } from './spooled-sample.js';
import type { StoredSegment } from './stored-segment.js';

/** What the last runs left. */
export interface Scan {
  readonly segments: readonly StoredSegment[];
  /** The last number that was given, as far as the segments know. */
  readonly sequence: bigint;
  /** Records that cannot be read: cut off at the end of a segment, or damaged. */
  readonly torn: number;
  /** The files in which these were. */
  readonly tornFiles: readonly string[];
}

/**
 * Reads all segments once, oldest first. Removes what a compaction left behind when it was interrupted: the file that
 * was not complete, or those that it had replaced. `dropped` learns what the reports say.
 *
 * @throws what the file system throws
 */
export async function scanSpool(folder: string, dropped: Dropped): Promise<Scan> {
  const names = await readdir(folder);
  const ranges = names.map(parseSegmentName);
  const found: { readonly path: string; readonly range: SegmentRange }[] = [];
  for (const [index, name] of names.entries()) {
    const range = ranges[index];
    const path = join(folder, name);
    if (
      range === undefined
        ? name.endsWith(temporarySuffix)
        : ranges.some((other) => other && isWithin(range, other))
    )
      await rm(path, { force: true });
    else if (range !== undefined) found.push({ path, range });
  }
  found.sort((a, b) => a.range.first - b.range.first);

  const segments: StoredSegment[] = [];
  const tornFiles: string[] = [];
  let sequence = 0n;
  let torn = 0;
  for (const { path, range } of found) {
    const scanned = await scanSegment(path, range, dropped);
    torn += scanned.torn;
    if (scanned.torn > 0) tornFiles.push(path);
    if (scanned.last > sequence) sequence = scanned.last;
    if (scanned.isConfirmedBefore) for (const before of segments) setConfirmed(before);
    segments.push(scanned.segment);
  }
  return { segments, sequence, torn, tornFiles };
}

async function scanSegment(path: string, range: SegmentRange, dropped: Dropped) {
  let sequence = 0n;
  let last = 0n;
  let torn = 0;
  let isConfirmedBefore = false;
  const state = { start: 0, size: 0, unconfirmed: 0, samples: 0, hasReports: false };
  let oldest: string | undefined;
  for await (const part of readParts(path, 0, Infinity)) {
    for (const { record, end } of part.records) {
      if (record.kind === 'segment') {
        last = sequence = record.sequence;
        state.start = end;
      } else if (record.kind === 'confirmed') {
        isConfirmedBefore = true;
        Object.assign(state, { start: end, unconfirmed: 0, samples: 0 });
        oldest = undefined;
      } else {
        const { message } = record;
        state.unconfirmed += 1;
        state.samples += message.samples;
        if (message.last > last) last = message.last;
        if (message.dropped === undefined) {
          oldest ??= timeOf(message);
        } else {
          state.hasReports = true;
          dropped.learn(message.dropped);
        }
      }
    }
    state.size = part.end;
    torn += part.damaged + (part.torn > 0 ? 1 : 0);
  }
  const unread = { unread: state.unconfirmed, unreadSamples: state.samples };
  const segment: StoredSegment = { ...range, path, sequence, ...state, ...unread, oldest };
  return { segment, last, torn, isConfirmedBefore };
}

function setConfirmed(segment: StoredSegment): void {
  Object.assign(segment, { start: segment.size, unconfirmed: 0, samples: 0, unread: 0, unreadSamples: 0 });
}
