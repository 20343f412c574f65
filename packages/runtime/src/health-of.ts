import { describeError } from '@nephoscope/core';
import type { Health } from '@nephoscope/core';

/** The health from a plugin's check. An exception of the check becomes a reason and does not end the daemon. */
export function healthOf(check: () => Health): Health {
  try {
    return check();
  } catch (error) {
    return { ok: false, reason: describeError(error) };
  }
}
