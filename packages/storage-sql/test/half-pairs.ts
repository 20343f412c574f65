import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

export const halfPairs: readonly (readonly [string, string])[] = [
  ['the first half of a surrogate pair', '\ud83d'],
  ['the second half of a surrogate pair', '\ude42'],
  ['a surrogate pair the wrong way round', '\ude42\ud83d'],
];

/** Whose text is as no reader would give it, with these characters in the metadata as they are. */
export function withText(characters: string): Sample {
  const sample = exampleSample();
  return { ...sample, text: sample.text.replace('compute-1', `compute-${characters}`) };
}
