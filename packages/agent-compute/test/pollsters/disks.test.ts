import type { Missing } from '@nephoscope/core';
import { exampleMetadata, instanceReading, pollCounters, shutOffReading } from '@nephoscope/testing';

import diskDevice from '../../src/pollsters/disk-device.js';
import diskio from '../../src/pollsters/diskio.js';
import { volumes } from './volumes.js';

const vda = {
  readBytes: 2n ** 60n + 1n,
  readRequests: 20n,
  readTimeNs: 21n,
  writeBytes: 30n,
  writeRequests: 40n,
  writeTimeNs: 41n,
};
const vdb = {
  readBytes: 1n,
  readRequests: 2n,
  readTimeNs: undefined,
  writeBytes: 3n,
  writeRequests: 4n,
  writeTimeNs: undefined,
};
const busy: Missing = { missing: 'busy', detail: 'stuck' };

describe('diskio', () => {
  it('sums all disks, exactly', async () => {
    const reading = instanceReading({ disks: [{ io: vda }, { io: vdb }] });
    const { counters, missing } = await pollCounters(diskio, reading);
    expect(missing).toEqual([]);
    expect(
      counters.map(({ name, type, unit, volume, resourceId }) => [name, type, unit, volume, resourceId]),
    ).toEqual([
      ['disk.read.requests', 'cumulative', 'request', 22n, reading.instance.id],
      ['disk.read.bytes', 'cumulative', 'B', 2n ** 60n + 2n, reading.instance.id],
      ['disk.write.requests', 'cumulative', 'request', 44n, reading.instance.id],
      ['disk.write.bytes', 'cumulative', 'B', 33n, reading.instance.id],
    ]);
    for (const { resourceMetadata } of counters)
      expect(resourceMetadata).toEqual(exampleMetadata(reading.instance));
  });

  it('has no sum when one disk is missing', async () => {
    const reading = instanceReading({ disks: [{ io: vda }, { io: busy }] });
    const { counters, missing } = await pollCounters(diskio, reading);
    expect(counters).toEqual([]);
    expect(missing).toEqual(
      ['disk.read.requests', 'disk.read.bytes', 'disk.write.requests', 'disk.write.bytes'].map((meter) => ({
        meter,
        reason: busy,
        resourceId: reading.instance.id,
      })),
    );
  });

  it('is 0 for an instance without disks', async () => {
    const { counters } = await pollCounters(diskio, instanceReading({ disks: [] }));
    expect(counters.map(({ volume }) => volume)).toEqual([0n, 0n, 0n, 0n]);
  });
});

describe('disk_device', () => {
  it('counts each disk separately', async () => {
    const size = { capacity: 21_474_836_480n, allocation: 3n, physical: 4n };
    const reading = instanceReading({ disks: [{ io: vda, size }, { io: vdb }] });
    const { counters, missing } = await pollCounters(diskDevice, reading);
    const { id } = reading.instance;
    expect(volumes(counters, `${id}-vda`)).toEqual({
      'disk.device.read.requests': 20n,
      'disk.device.read.bytes': 2n ** 60n + 1n,
      'disk.device.read.latency': 21n,
      'disk.device.write.requests': 40n,
      'disk.device.write.bytes': 30n,
      'disk.device.write.latency': 41n,
      'disk.device.capacity': 21_474_836_480n,
      'disk.device.allocation': 3n,
      'disk.device.usage': 4n,
    });
    expect(Object.keys(volumes(counters, `${id}-vdb`))).toHaveLength(7);
    expect(missing.map(({ meter, reason, resourceId }) => [meter, reason.missing, resourceId])).toEqual([
      ['disk.device.read.latency', 'unsupported', `${id}-vdb`],
      ['disk.device.write.latency', 'unsupported', `${id}-vdb`],
    ]);
    expect(counters[0]?.resourceMetadata).toEqual({
      ...exampleMetadata(reading.instance),
      disk_name: 'vda',
      instance_id: id,
    });
  });

  it("has Ceilometer's types and units", () => {
    const table = diskDevice.meters.map(({ name, type, unit }) => `${name} ${type} ${unit}`);
    expect(table).toEqual([
      'disk.device.read.requests cumulative request',
      'disk.device.read.bytes cumulative B',
      'disk.device.read.latency cumulative ns',
      'disk.device.write.requests cumulative request',
      'disk.device.write.bytes cumulative B',
      'disk.device.write.latency cumulative ns',
      'disk.device.capacity gauge B',
      'disk.device.allocation gauge B',
      'disk.device.usage gauge B',
    ]);
  });

  it('reports each known size', async () => {
    const { counters, missing } = await pollCounters(
      diskDevice,
      instanceReading({ disks: [{ size: { capacity: 8n, allocation: undefined, physical: 4n } }] }),
    );
    expect(volumes(counters)).toMatchObject({ 'disk.device.capacity': 8n, 'disk.device.usage': 4n });
    expect(missing.map(({ meter, reason }) => `${meter} ${reason.missing}`)).toEqual([
      'disk.device.allocation unsupported',
    ]);
  });

  it('reports sizes of an instance that is shut off', async () => {
    const { counters, missing } = await pollCounters(diskDevice, shutOffReading());
    expect(counters.map(({ name }) => name)).toEqual([
      'disk.device.capacity',
      'disk.device.allocation',
      'disk.device.usage',
    ]);
    expect(new Set(missing.map(({ reason }) => reason.missing))).toEqual(new Set(['off']));
    expect(missing).toHaveLength(6);
  });

  it('omits only the disk that is missing', async () => {
    const { counters, missing } = await pollCounters(
      diskDevice,
      instanceReading({ disks: [{ io: busy, size: busy }, {}] }),
    );
    expect(new Set(counters.map(({ resourceMetadata }) => resourceMetadata['disk_name']))).toEqual(
      new Set(['vdb']),
    );
    expect(counters).toHaveLength(9);
    expect(missing).toHaveLength(9);
  });
});
