import { describeError } from '@nephoscope/core';
import type { Health } from '@nephoscope/core';

/** A check is a plugin's code: one that throws is a reason and not the end of the daemon. */
export function healthOf(check: () => Health): Health {
  try {
    return check();
  } catch (error) {
    return { ok: false, reason: describeError(error) };
  }
}
