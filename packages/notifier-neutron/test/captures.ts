import { recordedByName } from '@nephoscope/testing';

/** What was recorded, each by its exchange and event type. */
export const { capture, captureNames } = recordedByName(new URL('captures/', import.meta.url));
