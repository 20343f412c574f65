import type { VnicReading } from '@nephoscope/core/instance';
import type { TypedValue } from '@nephoscope/libvirt';
import { FakeLibvirtd } from '@nephoscope/libvirt/testing';
import type { FakeDomain } from '@nephoscope/libvirt/testing';

import { inspectorOf } from './support.js';

const guest = (port: string, bytes: bigint): FakeDomain => ({
  name: 'guest',
  uuid: '00000000-0000-4000-8000-000000000001',
  id: 1,
  xml: `<domain><devices><interface type='network'><source network='default' portid='${port}'/><target dev='tap-of-tests'/><alias name='net0'/></interface></devices></domain>`,
  stats: {
    'state.state': 1,
    'net.count': 1,
    'net.0.name': 'tap-of-tests',
    ...Object.fromEntries(
      ['rx.bytes', 'rx.pkts', 'tx.bytes', 'tx.pkts'].map((name): [string, TypedValue] => [`net.0.${name}`, bytes]),
    ),
  },
});

it('does not assign the count of the previous card to one that was attached after the figures were read', async () => {
  const daemon = await FakeLibvirtd.listen();
  daemon.handle('connectGetUri', () => 'qemu:///system');
  const { inspector, read } = inspectorOf(daemon.uri);
  const card = async (domain: FakeDomain): Promise<VnicReading> => {
    daemon.domains = [domain];
    const [reading] = await read(new Set(['vnics']));
    const vnics = reading?.parts.vnics;
    if (vnics === undefined || 'missing' in vnics) throw new Error('the cards are missing');
    return vnics[0]!;
  };
  /** The figures are still those of the previous card when the XML is read. */
  const replug = (): void => daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'net0' });
  const counted = (port: string, bytes: bigint) => ({
    vnic: { plugging: [port] },
    traffic: { rxBytes: bytes, txBytes: bytes },
  });
  try {
    await inspector.start(new AbortController().signal);
    expect(await card(guest('one', 100n))).toMatchObject(counted('one', 100n));
    replug();
    expect(await card(guest('two', 105n))).toMatchObject({
      vnic: { plugging: ['two'] },
      traffic: { missing: 'busy' },
    });
    expect(await card(guest('two', 3n))).toMatchObject(counted('two', 3n));
    // A lower count must be the new card's.
    replug();
    expect(await card(guest('three', 2n))).toMatchObject(counted('three', 2n));
    replug();
    expect(await card(guest('three', 8n))).toMatchObject(counted('three', 8n));
  } finally {
    await inspector.stop();
    await daemon.close();
  }
});
