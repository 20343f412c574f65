import { NephoscopeError } from '@nephoscope/core';
import type { Metadata, Meter } from '@nephoscope/core';
import { PayloadReader, defineServiceNotifications, notificationCounter } from '@nephoscope/core/notification';

const meters: readonly Meter[] = [
  {
    name: 'storage.objects.incoming.bytes',
    type: 'delta',
    unit: 'B',
    description: 'Bytes that a request brought into the object store',
  },
  {
    name: 'storage.objects.outgoing.bytes',
    type: 'delta',
    unit: 'B',
    description: 'Bytes that a request was answered with by the object store',
  },
];

export default defineServiceNotifications({
  service: 'swift',
  exchanges: ['swift'],
  publishers: ['ceilometermiddleware'],
  eventTypes: ['objectstore.http.request'],
  meters,
  *counters(notification) {
    const payload = new PayloadReader(notification.payload);
    // A request that transferred no bytes has none.
    const measured = payload.list('measurements').map((one) => [one, one.inner('metric')] as const);
    for (const meter of meters) {
      const measurement = only(
        measured.filter(([, metric]) => metric.text('name') === meter.name),
        meter,
      );
      if (measurement === undefined) continue;
      const initiator = payload.inner('initiator');
      const target = payload.inner('target');
      yield notificationCounter(notification, meter, {
        volume: measurement.amount('result'),
        resourceId: target.text('id'),
        projectId: initiator.optionalText('project_id'),
        userId: userOf(initiator),
        metadata: metadataOf(payload, target),
      });
    }
  },
});

type Measurement = readonly [measurement: PayloadReader, metric: PayloadReader];

/** Two of one meter would be recorded as one. */
function only([first, second]: readonly Measurement[], { name, unit }: Meter): PayloadReader | undefined {
  if (second !== undefined) throw measurementError(`name ${name} twice`);
  if (first === undefined) return undefined;
  const [measurement, metric] = first;
  const given = metric.text('unit');
  if (given !== unit) throw measurementError(`give ${name} in '${given.slice(0, 60)}' and not in ${unit}`);
  return measurement;
}

function measurementError(what: string): NephoscopeError {
  return new NephoscopeError('NOTIFICATION_FIELD', `payload.measurements of the notification ${what}`);
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * For a request without a token, the library that writes the event generates an id, a UUID with hyphens, which
 * keystone's ids do not have: the user is then unknown.
 */
function userOf(initiator: PayloadReader): string | null {
  const id = initiator.optionalText('id');
  const anonymous = initiator.optionalText('project_id') === null && id !== null && uuid.test(id);
  return anonymous ? null : id;
}

/** The object's own name is left out, because every object would then have its own metadata. */
function metadataOf(payload: PayloadReader, target: PayloadReader): Metadata {
  const where = target.value('metadata') === null ? new PayloadReader({}) : target.inner('metadata');
  return {
    method: target.value('action'),
    outcome: payload.value('outcome'),
    container: where.value('container'),
  };
}
