import type { InstanceReading } from '@nephoscope/core/instance';
import { LifecycleEventType } from '@nephoscope/libvirt';
import { Fault } from '@nephoscope/libvirt/testing';
import type { Handler } from '@nephoscope/libvirt/testing';

import {
  tap,
  guest,
  xmlOf,
  never,
  daemon,
  started,
  callsOf,
  names,
  useFakeDaemon,
  hostStats,
  processStats,
} from './fake-host.js';
import { named } from './support.js';

useFakeDaemon();

describe('XML', () => {
  it('that cannot be read makes only its own facts missing; without a domain, that domain is omitted', async () => {
    const { read, logged } = await started([guest(1), guest(2, { xml: '<nothing/>' }), guest(3), guest(4)]);
    const answer: Handler<'domainGetXmlDesc'> = daemon.handle('domainGetXmlDesc', (args) => {
      if (args.domain.name === 'guest-3') throw new Fault(42, 'Domain not found');
      if (args.domain.name === 'guest-4') throw new Fault(1, 'internal error');
      return answer(args);
    });
    for (let cycle = 0; cycle < 2; cycle++) {
      const readings = await read();
      expect(names(readings)).toEqual(['guest-1', 'guest-2', 'guest-4']);
      for (const name of ['guest-2', 'guest-4'])
        expect(named(readings, name)).toMatchObject({
          instance: { state: 'running', projectId: null, userId: null, run: expect.any(String) as unknown },
          parts: {
            cpu: { count: 1, timeNs: 100n },
            memory: { residentKib: 2048n },
            disks: [{ disk: { device: 'vda' }, io: { readBytes: 7n } }],
            vnics: [{ vnic: { name: tap(Number(name.at(-1))), mac: null }, traffic: { rxBytes: 9n } }],
          },
        });
      const [first, second] = await Promise.all([read(), read()]);
      expect(named(first, 'guest-2').instance).toBe(named(second, 'guest-2').instance);
    }
    expect(logged.sort()).toEqual([
      expect.stringMatching(/^warn: guest-2 is metered without its owner.* no <domain>/),
      expect.stringMatching(/^warn: guest-4 is metered without its owner.* internal error/),
    ]);
    daemon.domains = [guest(2)];
    expect(named(await read(), 'guest-2').parts).toMatchObject({ vnics: [{ vnic: { name: 'tap2' } }] });
  });

  it.each(['not a time', '2026-02-30 10:00:00', '1795381200'])(
    'with an invalid time of creation (%s) omits it, which is logged once',
    async (time) => {
      const xml = (created: string) =>
        xmlOf(1).replace(
          '<vcpu>',
          `<metadata><n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'><n:creationTime>${created}</n:creationTime></n:instance></metadata><vcpu>`,
        );
      const { read, logged } = await started([guest(1, { xml: xml(time) })]);
      for (let cycle = 0; cycle < 2; cycle++) {
        expect((await read())[0]?.instance.createdAt).toBeUndefined();
        daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'net1' });
      }
      expect(logged).toEqual(["warn: guest-1 is metered without 'created_at': what nova wrote there is no time"]);
      daemon.domains = [guest(1, { xml: xml('2026-11-22 21:00:00') })];
      daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'net1' });
      expect((await read())[0]?.instance.createdAt).toBe('2026-11-22 21:00:00');
    },
  );

  it('that cannot be read again keeps its previous facts', async () => {
    const nova = `<metadata><n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'><n:owner><n:project uuid='p'/></n:owner></n:instance></metadata>`;
    const { read, logged } = await started([guest(1, { xml: xmlOf(1).replace('<vcpu>', `${nova}<vcpu>`) })], {
      owners: [{ name: '*', projectId: 'somebody' }],
    });
    const [before] = await read();
    expect(before?.instance.projectId).toBe('p');
    daemon.domains = [guest(1, { xml: '<domain>' })];
    daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'net1' });
    for (let cycle = 0; cycle < 2; cycle++) {
      const [after] = await read();
      expect(after).toMatchObject({
        instance: { projectId: 'p' },
        parts: { disks: [{ io: { readBytes: 7n } }], vnics: [{ traffic: { rxBytes: 9n } }] },
      });
    }
    expect(logged).toEqual([
      expect.stringMatching(/^warn: guest-1 is metered with what was last known of it.*not well-formed/),
    ]);
    daemon.domains = [guest(2, { xml: '<nothing/>' })];
    expect((await read())[0]?.instance.projectId).toBeNull();
  });

  it('that never arrives makes only its facts missing, and is not requested again meanwhile', async () => {
    const { read } = await started([guest(1), guest(2), guest(3)]);
    const answer: Handler<'domainGetXmlDesc'> = daemon.handle('domainGetXmlDesc', (args) =>
      args.domain.name === 'guest-2' ? never : answer(args),
    );
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(names(readings)).toEqual(['guest-1', 'guest-2', 'guest-3']);
      expect(named(readings, 'guest-2').parts).toMatchObject({ cpu: { timeNs: 100n } });
    }
    expect(callsOf('domainGetXmlDesc')).toBe(3);
  });

  it('is read once, and again for another id or an event that announces a change', async () => {
    const { read } = await started([guest(1), guest(2)]);
    await read();
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(2);

    daemon.domains = [guest(1), guest(2, { id: 5 })];
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(3);

    const [first] = daemon.domains;
    const emits: (() => void)[] = [
      () => daemon.emitLifecycle({ domain: first!, event: LifecycleEventType.defined, detail: 1 }),
      () => daemon.emitDeviceAdded({ domain: first!, device: 'net1' }),
      () => daemon.emitDeviceRemoved({ domain: first!, device: 'net1' }),
    ];
    for (const [index, emit] of emits.entries()) {
      emit();
      await read();
      expect(callsOf('domainGetXmlDesc')).toBe(4 + index);
    }
    daemon.emitLifecycle({ domain: first!, event: LifecycleEventType.suspended, detail: 0 });
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(6);
  });

  it('of a domain that is gone is discarded', async () => {
    const { read } = await started([guest(1), guest(2)]);
    await read();
    daemon.domains = [guest(1)];
    await read();
    daemon.domains = [guest(1), guest(2)];
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(3);
  });

  it('that changed while it was being read is read again', async () => {
    const { read } = await started([guest(1)]);
    const answer: Handler<'domainGetXmlDesc'> = daemon.handle('domainGetXmlDesc', async (args) => {
      const old = await answer(args);
      daemon.handle('domainGetXmlDesc', answer);
      daemon.domains = [guest(1, { xml: xmlOf(1, "<disk><target dev='vdb'/></disk>") })];
      daemon.emitDeviceAdded({ domain: args.domain, device: 'virtio-disk1' });
      return old;
    });
    await read();
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(2);
  });
});

describe('objects', () => {
  const parts = (reading: InstanceReading | undefined) => {
    const { disks, vnics } = reading?.parts ?? {};
    if (!Array.isArray(disks) || !Array.isArray(vnics)) throw new Error('disks or vnics are missing');
    return { disk: (disks as { disk: object }[])[0]?.disk, vnic: (vnics as { vnic: object }[])[0]?.vnic };
  };

  it('stay the same between readings, even if unchanged XML is read again', async () => {
    const { read } = await started([guest(1)]);
    const [before] = await read();
    const [next] = await read();
    daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'rng0' });
    const [reread] = await read();
    expect(callsOf('domainGetXmlDesc')).toBe(2);
    for (const after of [next, reread]) {
      expect(after?.instance).toBe(before?.instance);
      expect(parts(after).disk).toBe(parts(before).disk);
      expect(parts(after).vnic).toBe(parts(before).vnic);
    }
  });

  it('are replaced only where something in them changed', async () => {
    const { read } = await started([guest(1)]);
    const [before] = await read();

    daemon.domains = [guest(1, { xml: xmlOf(1, "<disk><target dev='vdb'/></disk>") })];
    daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'virtio-disk1' });
    const [plugged] = await read();
    expect(parts(plugged).disk).toBe(parts(before).disk);
    expect(parts(plugged).vnic).toBe(parts(before).vnic);

    daemon.domains = [
      guest(1, { ...daemon.domains[0], stats: { ...hostStats(1), ...processStats, 'state.state': 3 } }),
    ];
    const [paused] = await read();
    expect(paused?.instance).not.toBe(plugged?.instance);
    expect(paused?.instance).toMatchObject({ state: 'paused' });

    daemon.domains = [{ ...daemon.domains[0]!, id: 9 }];
    const [restarted] = await read();
    expect(restarted?.instance.run).not.toBe(paused?.instance.run);
    expect(restarted?.instance).toEqual({ ...paused?.instance, run: restarted?.instance.run });

    daemon.domains = [{ ...daemon.domains[0]!, name: 'renamed' }];
    expect((await read())[0]?.instance).toMatchObject({ name: 'renamed' });
  });
});
