import { isNephoscopeError, parseTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

import { Statistics } from '../src/statistics.js';
import type { StatisticsQuery } from '../src/statistics.js';

const query: StatisticsQuery = {
  start: parseTimestamp('2026-10-01T00:00:00'),
  end: parseTimestamp('2026-10-02T00:00:00'),
};

const sampleOf = (hour: number, fields: Partial<Sample>): Sample => ({
  ...{ messageId: `message-${hour}`, source: 'openstack', meter: 'cpu', type: 'cumulative', unit: 'ns' },
  ...{ volume: '1', userId: 'u', projectId: 'p', resourceId: 'web-1', publisherId: null, sequence: null },
  ...{ timestamp: query.start + BigInt(hour) * 3_600_000_000_000n, epoch: null, text: '{}' },
  ...fields,
});

function failureOf(samples: readonly Sample[], of?: StatisticsQuery['of']): Error {
  const statistics = new Statistics({ ...query, of });
  try {
    for (const sample of samples) statistics.add(sample);
  } catch (error) {
    if (isNephoscopeError(error, 'VOLUME_INVALID')) return error;
    throw error;
  }
  throw new Error('figures were made');
}

describe.each(['cumulative', 'delta', 'gauge'])('a %s meter', (type) => {
  it.each(['1e999999999', '-1e999999999', '1e100000', `0.${'0'.repeat(499)}1`])(
    'with a recorded volume of %s has no figure, and the sample is named with a remedy',
    (volume) => {
      const { message } = failureOf([sampleOf(1, { type }), sampleOf(2, { type, volume })]);
      expect(message).toContain('no figure can be made of cpu of web-1');
      expect(message).toContain('2026-10-01T02:00:00');
      expect(message).toContain('the message id message-2');
      expect(message).toContain('Ask for other meters or resources');
      expect(message.length).toBeLessThan(700);
    },
  );

  it.each(['-0', '1E+5', '1.7976931348623157e308', '5e-324', '1e-400', '-9e399'])(
    'with %s has figures',
    (volume) => {
      const statistics = new Statistics(query);
      for (const hour of [1, 2]) statistics.add(sampleOf(hour, { type, volume }));
      expect(statistics.finish().figures).toHaveLength(1);
    },
  );
});

it('names neither the time nor the id of a sample of somebody else', () => {
  const samples = [sampleOf(1, {}), sampleOf(2, { projectId: 'other', volume: '1e999' })];
  const { message } = failureOf(samples, ({ projectId }) => projectId === 'p');
  expect(message).toContain('no figure can be made of cpu of web-1: the volume of its sample of another owner');
  expect(message).not.toMatch(/message-2|02:00:00|1e999/);
});
