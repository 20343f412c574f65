import { defineCentralPollster, definePollster } from '../src/exports/pollster.js';
import { asPlugin } from '../src/index.js';
import type { Meter } from '../src/index.js';

const meter: Meter = { name: 'x', type: 'gauge', unit: '', description: 'of the tests' };
const create = () => ({ getCounters: () => [] });

const wrong: Record<string, readonly [object, RegExp]> = {
  'an unknown part': [{ reads: ['gpu'] }, /'gpu'.*'cpu', 'memory', 'disks', 'vnics'/],
  'a string as reads': [{ reads: 'cpu' }, /'reads' of a pollster is a list/],
  'no reads': [{ reads: undefined }, /'reads' of a pollster is a list/],
  'meters that are not a list': [{ meters: {} }, /'meters' is not a list/],
  'a hole in the table': [{ meters: [null] }, /not an object/],
  'a meter without a name': [{ meters: [{ ...meter, name: undefined }] }, /not a meter name/],
  'a meter twice': [{ meters: [meter, meter] }, /declared twice/],
  'two variable parts of one meter': [
    {
      meters: [
        { ...meter, name: 'x:<a>' },
        { ...meter, name: 'x:<b>' },
      ],
    },
    /declared twice/,
  ],
  'a name reserved for Nephoscope': [
    { meters: [{ ...meter, name: 'nephoscope.samples.dropped' }] },
    /Nephoscope's own/,
  ],
  'an unknown type': [{ meters: [{ ...meter, type: 'counter' }] }, /'counter'/],
  'a meter without a unit': [{ meters: [{ ...meter, unit: null }] }, /has no unit/],
  'no create function': [{ create: undefined }, /no function 'create'/],
};

it.each(Object.keys(wrong))('refuses %s', (what) => {
  const [fields, says] = wrong[what]!;
  const definition = { meters: [meter], reads: [], create, ...fields } as unknown as Parameters<
    typeof definePollster
  >[0];
  expect(() => definePollster(definition)).toThrow(says);
  // The same for a plugin made by another copy of the package, or without checks.
  const byHand = { ...definePollster({ meters: [meter], reads: [], create }), ...fields };
  expect(() => asPlugin(byHand, 'poll.compute', "the plugin 'x'")).toThrow(says);
  expect(() => asPlugin(byHand, 'poll.compute', "the plugin 'x'")).toThrow(/^the plugin 'x' cannot be used/);
});

it('has its own copy of the table, which cannot be modified', () => {
  const meters = [{ ...meter }];
  const plugin = defineCentralPollster({ meters, create });
  meters[0]!.name = 'y';
  meters.push({ ...meter, name: 'z' });
  expect(plugin.meters).toEqual([meter]);
  expect(Object.isFrozen(plugin.meters[0])).toBe(true);
});
