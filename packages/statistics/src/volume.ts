import { NephoscopeError, formatTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';
import { volumeProblem } from '@nephoscope/message';

import { parseDecimal } from './decimal.js';
import type { Decimal } from './decimal.js';

/**
 * The volume of a recorded sample. Stores of earlier versions may hold some that would no longer be recorded.
 *
 * @param isAsked whether who asks may see the sample; if not, neither its id nor its time is named
 * @throws VOLUME_INVALID naming the sample
 */
export function volumeOf({ volume, meter, resourceId, timestamp, messageId }: Sample, isAsked: boolean): Decimal {
  const problem = volumeProblem(volume);
  if (problem === undefined) return parseDecimal(volume);
  const which = isAsked ? `of ${formatTimestamp(timestamp)} with the message id ${messageId}` : 'of another owner';
  throw new NephoscopeError(
    'VOLUME_INVALID',
    `no figure can be made of ${meter} of ${resourceId}: the volume of its sample ${which} ${isAsked ? problem : 'has too many digits'}. ` +
      "Ask for other meters or resources, or for a time before that sample. To leave it out for good, 'nephoscope export' the store and 'nephoscope import' that into a new one, which refuses it and records the others",
  );
}
