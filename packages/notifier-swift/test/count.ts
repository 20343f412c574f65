import type { Counter } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';
import { countersOf } from '@nephoscope/testing';
import type { NotifierPlugin } from '@nephoscope/testing';

import * as index from '../src/index.js';

export const plugins: Readonly<Record<string, NotifierPlugin>> = index;

/** The counters that these plugins, or all of this package, make of a notification. */
export function count(notification: Notification, of = Object.values(plugins)): Counter[] {
  return countersOf(notification, of);
}
