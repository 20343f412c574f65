import { isMissing } from '@nephoscope/core';
import type { Metadata, Meter } from '@nephoscope/core';
import type { Instance, Vnic, VnicReading, VnicTraffic } from '@nephoscope/core/instance';
import { definePollster } from '@nephoscope/core/pollster';

const counts: readonly (Meter & { readonly field: keyof VnicTraffic })[] = [
  {
    name: 'network.incoming.bytes',
    type: 'cumulative',
    unit: 'B',
    description: 'Bytes the instance received',
    field: 'rxBytes',
  },
  {
    name: 'network.incoming.packets',
    type: 'cumulative',
    unit: 'packet',
    description: 'Packets the instance received',
    field: 'rxPackets',
  },
  {
    name: 'network.incoming.packets.drop',
    type: 'cumulative',
    unit: 'packet',
    description: 'Packets to the instance that were dropped',
    field: 'rxDrops',
  },
  {
    name: 'network.incoming.packets.error',
    type: 'cumulative',
    unit: 'packet',
    description: 'Packets to the instance with an error',
    field: 'rxErrors',
  },
  {
    name: 'network.outgoing.bytes',
    type: 'cumulative',
    unit: 'B',
    description: 'Bytes the instance sent',
    field: 'txBytes',
  },
  {
    name: 'network.outgoing.packets',
    type: 'cumulative',
    unit: 'packet',
    description: 'Packets the instance sent',
    field: 'txPackets',
  },
  {
    name: 'network.outgoing.packets.drop',
    type: 'cumulative',
    unit: 'packet',
    description: 'Packets from the instance that were dropped',
    field: 'txDrops',
  },
  {
    name: 'network.outgoing.packets.error',
    type: 'cumulative',
    unit: 'packet',
    description: 'Packets from the instance with an error',
    field: 'txErrors',
  },
];

/**
 * Whether a filter belongs to one card: then its name contains the card's MAC address, or one of those that OpenStack
 * assigns (`nova-instance-instance-0000000a-fa163e71ec6d`). A filter shared by many cards (`clean-traffic`) names
 * none of them.
 */
function namesOneCard(fref: string, mac: string | null): boolean {
  const digits = fref.toLowerCase();
  return (
    /fa163e[0-9a-f]{6}/.test(digits) || (mac !== null && digits.includes(mac.toLowerCase().replaceAll(':', '')))
  );
}

/** The card's own filter if it has one; otherwise the rule of later Ceilometers. No two cards get the same id. */
export function vnicResourceId(instance: Instance, vnic: Vnic, all: readonly VnicReading[]): string {
  const { fref, mac, name } = vnic;
  const own =
    fref !== null &&
    namesOneCard(fref, mac) &&
    all.every((other) => other.vnic === vnic || other.vnic.fref !== fref);
  return own ? fref : `${instance.name}-${instance.id}-${name}`;
}

function vnicMetadata(vnic: Vnic, instanceId: string): Metadata {
  const { name, mac, fref, parameters, interfaceId, bridge } = vnic;
  return {
    name,
    mac,
    fref,
    parameters,
    instance_id: instanceId,
    vnic_name: name,
    interface_id: interfaceId,
    bridge,
  };
}

const notReported = { missing: 'unsupported', detail: 'not reported for this card' } as const;

export default definePollster({
  meters: counts.map(({ name, type, unit, description }) => ({ name, type, unit, description })),
  reads: ['vnics'],
  create: () => ({
    *getCounters({ instance, inspection: { vnics } }) {
      for (const { vnic, traffic } of vnics) {
        const resourceId = vnicResourceId(instance, vnic, vnics);
        const metadata = vnicMetadata(vnic, instance.id);
        for (const { name: meter, field } of counts) {
          const volume = isMissing(traffic) ? traffic : (traffic[field] ?? notReported);
          yield { meter, volume, resourceId, metadata, plugging: vnic.plugging };
        }
      }
    },
  }),
});
