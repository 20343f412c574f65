import { isMissing } from '@nephoscope/core';
import { definePollster } from '@nephoscope/core/pollster';

import { exampleMetadata, instanceReading, pollCounters, shutOffReading } from '../src/index.js';

const cpuTime = definePollster({
  meters: [
    { name: 'cpu', type: 'cumulative', unit: 'ns', description: 'CPU time' },
    { name: 'cpu.wait', type: 'cumulative', unit: 'ns', description: 'Waiting time' },
  ],
  reads: ['cpu'],
  create: ({ logger }) => ({
    *getCounters({ inspection, previous }) {
      const { count, timeNs, vcpus } = inspection.cpu;
      logger.info({ previous: previous?.cpu.timeNs }, 'polled');
      yield { meter: 'cpu', volume: timeNs, metadata: { cpu_number: count } };
      if (isMissing(vcpus)) yield { meter: 'cpu.wait', volume: vcpus };
    },
  }),
});

it('passes the reading and the previous one to the pollster, and returns its counters', async () => {
  const reading = instanceReading({
    cpu: { timeNs: 2n ** 60n + 1n, vcpus: { missing: 'busy', detail: 'stuck' } },
    at: 10,
  });
  const previous = instanceReading({ cpu: { timeNs: 5n } });
  const { counters, missing, log } = await pollCounters(cpuTime, reading, { previous });
  const { instance } = reading;
  expect(counters).toEqual([
    {
      name: 'cpu',
      type: 'cumulative',
      unit: 'ns',
      volume: 2n ** 60n + 1n,
      userId: instance.userId,
      projectId: instance.projectId,
      resourceId: instance.id,
      timestamp: reading.readAt,
      resourceMetadata: { ...exampleMetadata(instance), cpu_number: 2 },
    },
  ]);
  expect(missing).toEqual([
    { meter: 'cpu.wait', reason: { missing: 'busy', detail: 'stuck' }, resourceId: instance.id },
  ]);
  expect(log).toEqual([{ level: 'info', fields: { previous: 5n }, message: 'polled' }]);
});

it('omits an instance without the part that the pollster reads', async () => {
  const { counters, missing, log } = await pollCounters(cpuTime, shutOffReading());
  expect(counters).toEqual([]);
  expect(log).toEqual([]);
  expect(missing.map(({ meter, reason }) => [meter, reason.missing])).toEqual([
    ['cpu', 'off'],
    ['cpu.wait', 'off'],
  ]);
});

it('has no previous reading if that lacked the part', async () => {
  const { log } = await pollCounters(cpuTime, instanceReading({ at: 10 }), { previous: shutOffReading() });
  expect(log[0]?.fields).toEqual({ previous: undefined });
});

it('refuses options unknown to the plugin', async () => {
  await expect(pollCounters(cpuTime, instanceReading(), { options: { verbose: true } })).rejects.toThrow(
    'verbose',
  );
});
