import { exampleInstance } from '@nephoscope/testing';

import { InstanceMetadata } from '../src/instance-metadata.js';
import { instanceFilter, instanceFilterOptions } from '../src/instance-filter.js';

const web = exampleInstance({
  name: 'instance-1',
  displayName: 'web-1',
  projectId: 'alpha',
  flavor: { name: 'm1.small', vcpus: 2 },
});
const database = exampleInstance({
  name: 'instance-2',
  displayName: 'db-1',
  projectId: 'beta',
  flavor: { name: 'm1.large', vcpus: 8 },
  imageId: 'i1',
});
const unowned = exampleInstance({
  name: 'by-hand',
  displayName: 'by-hand',
  projectId: null,
  flavor: undefined,
});
const all = [web, database, unowned];

const metadata = new InstanceMetadata('compute-1');
const passing = (options: unknown) =>
  all
    .filter(instanceFilter(instanceFilterOptions.parse(options), (instance) => metadata.of(instance)))
    .map(({ displayName }) => displayName);

it.each([
  ['everything by default', {}, ['web-1', 'db-1', 'by-hand']],
  ['a display name with wildcards', { include: [{ name: 'web-*' }] }, ['web-1']],
  ["the hypervisor's name", { include: [{ name: 'instance-2' }] }, ['db-1']],
  ['a project', { include: [{ project: 'beta' }] }, ['db-1']],
  ['no instance without a project for any project', { include: [{ project: '*' }] }, ['web-1', 'db-1']],
  ['metadata, numbers as text', { include: [{ metadata: { vcpus: '8' } }] }, ['db-1']],
  ['no instance without a value for any value', { include: [{ metadata: { flavor: '*' } }] }, ['web-1', 'db-1']],
  ['any of several rules', { include: [{ name: 'web-1' }, { name: 'by-hand' }] }, ['web-1', 'by-hand']],
  [
    'all conditions of a rule',
    { include: [{ name: '*-1', project: 'alpha', metadata: { instance_type: 'm1.*' } }] },
    ['web-1'],
  ],
  ['those that are not excluded', { exclude: [{ project: 'alpha' }, { metadata: { vcpus: '8' } }] }, ['by-hand']],
  [
    'those that are included and not excluded',
    { include: [{ name: '*-1' }], exclude: [{ name: 'db-*' }] },
    ['web-1'],
  ],
  ['none for an empty list', { include: [] }, []],
])('accepts instances: %s', (_, options, expected) => {
  expect(passing(options)).toEqual(expected);
});

it('refuses a rule without a condition, and unknown keys', () => {
  expect(instanceFilterOptions.safeParse({ exclude: [{}] }).success).toBe(false);
  expect(instanceFilterOptions.safeParse({ exclude: [{ nmae: 'x' }] }).success).toBe(false);
});
