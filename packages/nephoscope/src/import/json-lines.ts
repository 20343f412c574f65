import { createHash } from 'node:crypto';

import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';
import {
  JsonNumber,
  checkSample,
  isJsonObject,
  parseJson,
  readMeteringMessage,
  signedMessage,
} from '@nephoscope/message';
import type { JsonObject, JsonValue, Signer, Verifier } from '@nephoscope/message';

import { ceilometerFields } from './ceilometer-fields.js';
import type { Entry } from './entry.js';
import { textOf, withoutReturn } from './lines.js';
import type { Line } from './lines.js';
import { takeOver } from './take-over.js';

export interface ImportSettings {
  readonly signer: Signer;
  readonly verifier: Verifier;
  /** Receives the names of fields that are not taken over. */
  readonly leftOut: Set<string>;
  /** Receives remarks about the whole file. */
  readonly note: (line: string) => void;
}

/**
 * NDJSON: each line a sample, an array of samples as Ceilometer's API gives it, or the last line of an export.
 *
 * Messages signed with a known secret are recorded as they are. Messages of Nephoscope whose signature does not hold are refused.
 * Everything else is taken over.
 *
 * @throws EXPORT_INCOMPLETE at the end of an export, if it is not what its last line says
 */
export async function* jsonLines(
  lines: AsyncIterable<Line>,
  file: string,
  settings: ImportSettings,
): AsyncGenerator<Entry> {
  let hash = createHash('sha256');
  let count = 0;
  let unended = false;
  let damaged: string | undefined;
  for await (const line of lines) {
    const place = `${file}:${line.number}`;
    let text: string;
    let value: JsonValue;
    try {
      text = withoutReturn(textOf(line));
      if (text.trim() === '') continue;
      value = parseJson(text);
    } catch (error) {
      yield { place, problem: reasonOf(error) };
      count += 1;
      hash.update(line.bytes).update('\n');
      continue;
    }
    const end = endOf(value);
    if (end !== undefined) {
      const sha256 = hash.digest('hex');
      if (end.count !== String(count) || end.sha256 !== sha256)
        damaged ??= `${place}: the end of the export says ${end.count} samples with the SHA-256 ${end.sha256}; there are ${count} with ${sha256}`;
      hash = createHash('sha256');
      count = 0;
      unended = false;
      continue;
    }
    count += 1;
    hash.update(line.bytes).update('\n');
    if (!Array.isArray(value)) {
      const entry = entryOf(value, text, place, settings);
      unended ||= 'sample' in entry && !entry.takenOver;
      yield entry;
    } else
      for (const [at, item] of value.entries())
        yield entryOf(item, undefined, `${place} item ${at + 1}`, settings);
  }
  if (damaged !== undefined) throw new NephoscopeError('EXPORT_INCOMPLETE', damaged);
  if (unended)
    settings.note(
      `${file} does not end as an export does: if it is one, it was cut, and there may be more samples`,
    );
}

function entryOf(value: JsonValue, text: string | undefined, place: string, settings: ImportSettings): Entry {
  try {
    if (!isJsonObject(value)) throw new NephoscopeError('IMPORT_LINE', 'it is not a JSON object');
    // In an array a message does not have its own text.
    const signed = signedMessage(value);
    if (text !== undefined && settings.verifier.verify(signed) === 'verified') {
      const ambiguity = signed.ambiguity();
      if (ambiguity === undefined) return { place, sample: readMeteringMessage(text).sample, takenOver: false };
      const why = `in Ceilometer's form the signed text could also be another message: ${ambiguity}`;
      return { place, problem: `its signature is valid, but ${why}` };
    }
    if (isOurs(value)) return { place, problem: untrusted(text, settings.verifier) };
    const sample = takeOver(ceilometerFields(value, settings.leftOut), 'ceilometer', settings.signer);
    return { place, sample, takenOver: true };
  } catch (error) {
    return { place, problem: reasonOf(error) };
  }
}

/** Ceilometer's have neither. */
const isOurs = (message: JsonObject) => message.has('signature_form') || message.has('publisher_id');

function untrusted(text: string | undefined, verifier: Verifier): string {
  const found = text === undefined ? undefined : checkSample(readMeteringMessage(text).sample, verifier);
  const why = found === undefined || !('reason' in found) ? 'it is not on a line of its own' : found.reason;
  return `it is a message of Nephoscope, and ${why}. If it is of another deployment, add its secret to 'secrets'`;
}

/** What the last line of an export says. */
function endOf(value: JsonValue): { readonly count: string; readonly sha256: string } | undefined {
  const end = isJsonObject(value) && value.size === 1 ? value.get('end') : undefined;
  if (!isJsonObject(end)) return undefined;
  const [count, sha256] = [end.get('count'), end.get('sha256')];
  return count instanceof JsonNumber && typeof sha256 === 'string' ? { count: count.text, sha256 } : undefined;
}

/** Why there is no sample in a place. @throws the error, if it is not about that place */
export function reasonOf(error: unknown): string {
  if (!isNephoscopeError(error)) throw error;
  return describeError(error);
}
