import { recordedByName } from '@nephoscope/testing';

/** The recordings, by exchange and event type. */
export const { capture, captureNames } = recordedByName(new URL('captures/', import.meta.url));
