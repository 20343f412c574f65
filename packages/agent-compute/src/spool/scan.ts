import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { temporarySuffix } from '../disk/replace-file.js';
import type { ReadRecord } from '../disk/framing.js';
import { AppendReader } from './append-reader.js';
import type { Dropped } from './dropped.js';
import type { SegmentEnd, SpoolMessage, SpoolRecord } from './record.js';
import { readParts } from './segment-reader.js';
import { isWithin, parseSegmentName } from './segment.js';
import type { SegmentRange } from './segment.js';
import { timeOf } from './spooled-sample.js';
import type { StoredSegment } from './stored-segment.js';

/** What earlier runs left. */
export interface Scan {
  readonly segments: readonly StoredSegment[];
  /** The last number that was used, as far as the segments show. */
  readonly sequence: bigint;
  /** Accepted records that can no longer be read. */
  readonly damaged: number;
  /** The files that contained these. */
  readonly damagedFiles: readonly string[];
  /** The file with an incomplete write at its end, from when the last run ended. */
  readonly cutOff: string | undefined;
}

/**
 * Reads all segments once. Removes what an interrupted compaction left: the incomplete file, or the files that it had
 * replaced. `dropped` learns the contents of the reports.
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
  const damagedFiles: string[] = [];
  let sequence = 0n;
  let damaged = 0;
  let cutOff: string | undefined;
  let isConfirmed = false;
  // The last one first, because each states how much of the previous one is valid.
  for (const { path, range } of [...found].reverse()) {
    const next = segments[0];
    const scanned = await scanSegment(path, range, next, dropped);
    damaged += scanned.damaged;
    if (scanned.damaged > 0) damagedFiles.unshift(path);
    if (scanned.segment.hasRemains && next === undefined) cutOff = path;
    if (scanned.last > sequence) sequence = scanned.last;
    if (isConfirmed) setConfirmed(scanned.segment);
    if (scanned.isConfirmedBefore) isConfirmed = true;
    segments.unshift(scanned.segment);
  }
  return { segments, sequence, damaged, damagedFiles, cutOff };
}

/** @param next the following segment, which was begun when this one was complete */
async function scanSegment(path: string, range: SegmentRange, next: StoredSegment | undefined, dropped: Dropped) {
  const counting = next?.before?.segment === range.last ? next.before.appends : undefined;
  const appends = new AppendReader();
  const content = new Content(dropped);
  let hasRemains = false;
  let tail = 0;
  reading: for await (const part of readParts(path, 0, Infinity)) {
    for (const read of part.records) {
      hasRemains = read.record.kind === 'append' && appends.begun === counting;
      if (hasRemains) break reading;
      for (const one of appends.take(read)) content.add(one);
    }
    tail = part.torn;
  }
  if (appends.isIncomplete || tail > 0) {
    // At the end of the last segment this is an incomplete write, as is anything after the last valid append.
    hasRemains = next === undefined ? !appends.isDamaged : appends.begun === counting && !appends.isIncomplete;
    if (!hasRemains) {
      const missing = appends.isDamaged ? 0 : 1;
      for (const one of appends.flush()) content.add(one);
      content.damaged += missing;
    }
  }
  const { damaged, isConfirmedBefore, last, oldest, sequence, ...state } = content;
  const unread = { unread: state.unconfirmed, unreadSamples: state.samples };
  const segment: StoredSegment = {
    ...range,
    path,
    sequence,
    size: appends.end,
    appends: appends.isIncomplete ? appends.begun - 1 : appends.begun,
    hasRemains,
    ...state,
    ...unread,
    oldest,
  };
  return { segment, last, damaged, isConfirmedBefore };
}

/** The summary of a segment's records. */
class Content {
  sequence = 0n;
  before: SegmentEnd | undefined;
  /** The last number that was used. */
  last = 0n;
  start = 0;
  unconfirmed = 0;
  samples = 0;
  oldest: string | undefined;
  hasReports = false;
  damaged = 0;
  isConfirmedBefore = false;
  readonly #dropped: Dropped;

  constructor(dropped: Dropped) {
    this.#dropped = dropped;
  }

  add({ record, end, skipped }: ReadRecord<SpoolRecord>): void {
    this.damaged += skipped;
    if (record.kind === 'segment') {
      this.last = this.sequence = record.sequence;
      this.before = record.before;
      this.start = end;
    } else if (record.kind === 'confirmed') {
      this.isConfirmedBefore = true;
      this.start = end;
      this.unconfirmed = this.samples = 0;
      this.oldest = undefined;
    } else if (record.kind === 'message') {
      this.#addMessage(record.message);
    }
  }

  #addMessage(message: SpoolMessage): void {
    this.unconfirmed += 1;
    this.samples += message.samples;
    if (message.last > this.last) this.last = message.last;
    if (message.dropped === undefined) {
      this.oldest ??= timeOf(message);
    } else {
      this.hasReports = true;
      this.#dropped.learn(message.dropped);
    }
  }
}

function setConfirmed(segment: StoredSegment): void {
  Object.assign(segment, { start: segment.size, unconfirmed: 0, samples: 0, unread: 0, unreadSamples: 0 });
}
