import { Fault } from './fault.js';

const alarms = () => new Fault(410, 'Alarms are kept by Aodh, which has an API of its own: ask that');
const events = () => new Fault(404, 'Events are kept by Panko, which has an API of its own: ask that');

/** Paths that Ceilometer moved to separate services; each with all paths below it, whatever the method. */
export const movedAway: readonly (readonly [path: string, fault: () => Fault])[] = [
  ...['/v2/alarms', '/v2/alarms/*', '/v2/query/alarms', '/v2/query/alarms/*'].map(
    (path) => [path, alarms] as const,
  ),
  ...['/v2/events', '/v2/events/*', '/v2/event_types', '/v2/event_types/*'].map((path) => [path, events] as const),
];
