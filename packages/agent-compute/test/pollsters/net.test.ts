import type { Missing } from '@nephoscope/core';
import { exampleMetadata, instanceReading, pollCounters } from '@nephoscope/testing';
import type { VnicFields } from '@nephoscope/testing';

import net from '../../src/pollsters/net.js';
import { volumes } from './volumes.js';

const instance = { id: 'bbf42396-86d2-4f4c-b6a1-2821813311b3', name: 'instance-0000000a' };
const later = (vnic: string) => `${instance.name}-${instance.id}-${vnic}`;

async function resourceIds(...vnics: readonly VnicFields[]): Promise<readonly string[]> {
  const { counters } = await pollCounters(net, instanceReading({ instance, vnics }));
  const ids = counters.filter(({ name }) => name === 'network.incoming.bytes').map(({ resourceId }) => resourceId);
  expect(ids).toHaveLength(vnics.length);
  return ids;
}

it('counts each card separately and exactly, with its description', async () => {
  const traffic = {
    rxBytes: 2n ** 61n + 1n,
    rxPackets: 2n,
    rxDrops: 3n,
    rxErrors: 4n,
    txBytes: 5n,
    txPackets: 6n,
    txDrops: 7n,
    txErrors: 8n,
  };
  const vnic = {
    name: 'tap0',
    mac: 'fa:16:3e:71:ec:6d',
    parameters: { ip: '10.0.0.2', projmask: '255.255.255.0' },
    interfaceId: 'port-1',
    bridge: 'br-int',
  };
  const reading = instanceReading({ instance, vnics: [{ vnic, traffic }] });
  const { counters, missing } = await pollCounters(net, reading);
  expect(missing).toEqual([]);
  expect(counters.map(({ name, type, unit, volume }) => `${name} ${type} ${unit} ${volume}`)).toEqual([
    'network.incoming.bytes cumulative B 2305843009213693953',
    'network.incoming.packets cumulative packet 2',
    'network.incoming.packets.drop cumulative packet 3',
    'network.incoming.packets.error cumulative packet 4',
    'network.outgoing.bytes cumulative B 5',
    'network.outgoing.packets cumulative packet 6',
    'network.outgoing.packets.drop cumulative packet 7',
    'network.outgoing.packets.error cumulative packet 8',
  ]);
  for (const { resourceMetadata, resourceId } of counters) {
    expect(resourceId).toBe(later('tap0'));
    expect(resourceMetadata).toEqual({
      ...exampleMetadata(reading.instance),
      name: 'tap0',
      mac: 'fa:16:3e:71:ec:6d',
      fref: null,
      parameters: vnic.parameters,
      instance_id: instance.id,
      vnic_name: 'tap0',
      interface_id: 'port-1',
      bridge: 'br-int',
    });
  }
});

describe('the resource id', () => {
  it("is the name of the card's own filter", async () => {
    const fref = 'nova-instance-instance-0000000a-fa163e71ec6d';
    expect(await resourceIds({ vnic: { name: 'vnet0', fref } })).toEqual([fref]);
  });

  it('is that of recent Ceilometer versions without a filter', async () => {
    expect(await resourceIds({ vnic: { name: 'tap1' } }, { vnic: { name: 'tap2' } })).toEqual([
      later('tap1'),
      later('tap2'),
    ]);
  });

  it('is not the name of a filter that several cards use', async () => {
    expect(await resourceIds({ vnic: { name: 'tap1', fref: 'clean-traffic' } })).toEqual([later('tap1')]);
    expect(await resourceIds({ vnic: { name: 'tap1', fref: 'tenant-0123456789ab' } })).toEqual([later('tap1')]);
  });

  it("is the name of a filter that contains the card's MAC address, whoever created it", async () => {
    const fref = 'filter-5254000A0B0C';
    expect(await resourceIds({ vnic: { name: 'tap1', mac: '52:54:00:0a:0b:0c', fref } })).toEqual([fref]);
  });

  it('is never that of another card, even if both use the same filter', async () => {
    const fref = 'nova-instance-instance-0000000a-fa163e71ec6d';
    expect(await resourceIds({ vnic: { name: 'tap1', fref } }, { vnic: { name: 'tap2', fref } })).toEqual([
      later('tap1'),
      later('tap2'),
    ]);
  });

  it('is correct for one card with and one without a filter', async () => {
    const fref = 'nova-instance-instance-0000000a-fa163e71ec6d';
    expect(await resourceIds({ vnic: { name: 'tap1', fref } }, { vnic: { name: 'tap2' } })).toEqual([
      fref,
      later('tap2'),
    ]);
  });
});

it('reports why a card cannot be counted, and counts the others', async () => {
  const traffic: Missing = { missing: 'unsupported', detail: 'passed through to the guest (hostdev)' };
  const { counters, missing } = await pollCounters(
    net,
    instanceReading({
      instance,
      vnics: [{ vnic: { name: '0000:04:10.1' }, traffic }, { vnic: { name: 'tap2' } }],
    }),
  );
  expect(counters).toHaveLength(8);
  expect(new Set(counters.map(({ resourceId }) => resourceId))).toEqual(new Set([later('tap2')]));
  expect(missing).toEqual(
    net.meters.map(({ name }) => ({ meter: name, reason: traffic, resourceId: later('0000:04:10.1') })),
  );
});

it('counts the other figures of a card that lacks errors and drops', async () => {
  const traffic = { rxDrops: undefined, rxErrors: undefined, txDrops: undefined, txErrors: undefined };
  const { counters, missing } = await pollCounters(net, instanceReading({ vnics: [{ traffic }] }));
  expect(Object.keys(volumes(counters))).toEqual([
    'network.incoming.bytes',
    'network.incoming.packets',
    'network.outgoing.bytes',
    'network.outgoing.packets',
  ]);
  expect(missing).toHaveLength(4);
});
