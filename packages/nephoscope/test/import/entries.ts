import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSigner, createVerifier } from '@nephoscope/message';

import type { Entry } from '../../src/import/entry.js';
import type { GnocchiMetric } from '../../src/import/gnocchi-table.js';
import { entriesOf } from '../../src/import/open-import.js';
import { secret } from '../sample.js';

export const signer = createSigner({ secret, form: 'canonical' });
export const verifier = createVerifier({ secrets: [secret] });

/** What an import finds in a file with this content, or at this path. */
export async function imported(
  content: string | Buffer | { readonly path: string },
  metric: GnocchiMetric = {},
): Promise<{
  readonly entries: readonly Entry[];
  readonly leftOut: readonly string[];
  readonly notes: readonly string[];
}> {
  const folder = await mkdtemp(join(tmpdir(), 'nephoscope-import-'));
  try {
    const isPath = typeof content === 'object' && 'path' in content;
    const path = isPath ? content.path : join(folder, 'file');
    if (!isPath) await writeFile(path, content);
    const leftOut = new Set<string>();
    const notes: string[] = [];
    const settings = {
      signer,
      verifier,
      leftOut,
      note: (line: string) => void notes.push(line.replace(path, 'FILE')),
    };
    const entries: Entry[] = [];
    for await (const entry of entriesOf(path, metric, settings, new AbortController().signal))
      entries.push({ ...entry, place: entry.place.replace(path, 'FILE') });
    return { entries, leftOut: [...leftOut], notes };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function samplesOf(entries: readonly Entry[]) {
  return entries.flatMap((entry) => ('sample' in entry ? [entry.sample] : []));
}

export function problemsOf(entries: readonly Entry[]) {
  return entries.flatMap((entry) => ('problem' in entry ? [`${entry.place} ${entry.problem}`] : []));
}

export async function allOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}
