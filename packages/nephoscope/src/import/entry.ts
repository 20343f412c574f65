import type { Sample } from '@nephoscope/core/sample-store';

/** What a file has in one place: a sample to record, or the reason why there is none. */
export type Entry = {
  /** Where it is, for people: `samples.ndjson:17`. */
  readonly place: string;
} & (
  | {
      readonly sample: Sample;
      /** Signed here; otherwise it is recorded as it was signed. */ readonly takenOver: boolean;
    }
  | { readonly problem: string }
);
