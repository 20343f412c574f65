import type { Sample } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

export const halfPairs: readonly (readonly [string, string])[] = [
  ['the first half of a surrogate pair', '\ud83d'],
  ['the second half of a surrogate pair', '\ude42'],
  ['a surrogate pair the wrong way round', '\ude42\ud83d'],
];

/** A sample whose text no reader would produce: its metadata contains these characters unescaped. */
export function withText(characters: string): Sample {
  const sample = exampleSample();
  return { ...sample, text: sample.text.replace('compute-1', `compute-${characters}`) };
}
