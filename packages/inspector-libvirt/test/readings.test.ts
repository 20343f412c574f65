import {
  uuidOf,
  guest,
  never,
  daemon,
  started,
  callsOf,
  names,
  useFakeDaemon,
  hostStats,
  processStats,
} from './fake-host.js';
import { allParts, named, until } from './support.js';

useFakeDaemon();

describe('a reading', () => {
  it('is one call with NOWAIT for the necessary groups of running domains, and one for the state of the others', async () => {
    const { read } = await started([guest(1), guest(2)]);
    await read(new Set(['cpu', 'disks']));
    daemon.calls.length = 0;
    await read(new Set(['cpu', 'disks']));
    expect(daemon.calls).toEqual([
      {
        name: 'connectGetAllDomainStats',
        args: { groups: ['state', 'cpuTotal', 'vcpu', 'block'], flags: { active: true, nowait: true } },
      },
      { name: 'connectGetAllDomainStats', args: { groups: ['state'], flags: { inactive: true } } },
    ]);
  });

  it('has all parts, the instance, and the time', async () => {
    const { read } = await started([guest(1)]);
    const [reading] = await read();
    expect(reading).toMatchObject({
      instance: {
        id: uuidOf(1),
        name: 'guest-1',
        displayName: 'guest-1',
        projectId: null,
        userId: null,
        state: 'running',
      },
      parts: {
        cpu: { count: 1, timeNs: 100n, vcpus: [{ number: 0, waitNs: 5n }] },
        memory: { residentKib: 2048n },
        disks: [{ disk: { device: 'vda' }, io: { readBytes: 7n }, size: { capacity: 7n } }],
        vnics: [{ vnic: { name: 'tap1' }, traffic: { rxBytes: 9n } }],
      },
    });
    expect(typeof reading?.readAt).toBe('bigint');
  });

  it('skips domain 0', async () => {
    const { read } = await started([guest(0), guest(1)]);
    expect(names(await read())).toEqual(['guest-1']);
  });

  it('of a guest that is shut off has the sizes of its disks', async () => {
    const { read } = await started([
      guest(1, { id: -1, stats: { ...hostStats(1), ...processStats, 'state.state': 5 } }),
    ]);
    expect(await read()).toMatchObject([
      {
        instance: { state: 'shutoff', run: undefined },
        parts: {
          cpu: { missing: 'off' },
          memory: { missing: 'off' },
          vnics: { missing: 'off' },
          disks: [{ io: { missing: 'off' }, size: { capacity: 7n } }],
        },
      },
    ]);
  });

  it('assigns a guest without metadata to the configured owner', async () => {
    const { read } = await started([guest(1), guest(22)], {
      owners: [
        { name: 'guest-2*', projectId: 'p', userId: 'u' },
        { name: '*', projectId: 'rest' },
      ],
    });
    const readings = await read();
    expect(named(readings, 'guest-22').instance).toMatchObject({ projectId: 'p', userId: 'u' });
    expect(named(readings, 'guest-1').instance).toMatchObject({ projectId: 'rest', userId: null });
  });

  it('may be requested while another is in progress', async () => {
    const { read } = await started([guest(1), guest(2)]);
    const both = await Promise.all([read(), read()]);
    expect(both.map(names)).toEqual([names(both[0]), names(both[0])]);
  });

  it('ends with its signal', async () => {
    const { inspector } = await started([guest(1)], { deadline: 60 });
    daemon.handle('connectGetAllDomainStats', () => never);
    const abort = new AbortController();
    const reading = inspector.inspect(allParts, abort.signal);
    await until(() => callsOf('connectGetAllDomainStats') > 0);
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
  });

  it('fails as a whole if it ends while XML is being read', async () => {
    const { inspector } = await started([guest(1)], { deadline: 60 });
    daemon.handle('domainGetXmlDesc', () => never);
    const abort = new AbortController();
    const reading = inspector.inspect(allParts, abort.signal);
    await until(() => callsOf('domainGetXmlDesc') === 1);
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
  });
});
