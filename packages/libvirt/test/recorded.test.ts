import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { LibvirtError } from '../src/errors.js';
import { lifecycleEvent } from '../src/procedures/events.js';
import { RpcClient } from '../src/rpc/client.js';
import { socketPair } from '../src/testing/socket-pair.js';
import type { DomainStatsRecord, LifecycleEvent } from '../src/types.js';
import { cut } from './cut.js';
import { callsAfterEvents, callsBeforeEvents } from './recorded/calls.js';

const session = readFileSync(new URL('recorded/session.bin', import.meta.url));
const guest = { name: 'instance-00000001', uuid: '0d6b7e1c-3f5a-4c1e-9a77-2b5f0c7d9e11', id: 2 };

/** Makes the calls of the recording and answers them with the daemon's bytes in these pieces. */
async function play(pieces: readonly Buffer[]): Promise<{ answers: unknown[]; events: LifecycleEvent[] }> {
  const [ours, theirs] = socketPair();
  theirs.resume();
  const rpc = new RpcClient(ours, 'a recording', 10_000);
  const events: LifecycleEvent[] = [];
  rpc.onEvent(lifecycleEvent.procedure, (reader) => {
    reader.int32();
    events.push(lifecycleEvent.decode(reader));
    reader.finish();
  });
  const answers = Promise.all(
    [...callsBeforeEvents, ...callsAfterEvents].map(({ procedure, args }) =>
      rpc.call(procedure, args).catch((error: unknown) => error),
    ),
  );
  for (const piece of pieces) theirs.write(piece);
  const result = { answers: await answers, events };
  await rpc.close();
  return result;
}

describe('the recording of a real libvirtd', () => {
  it('is read correctly', async () => {
    const { answers, events } = await play([session]);
    const [auth, keepalive, opened, version, listed, callbackId, byName, noDomain, xml] = answers;
    expect({ auth, keepalive, opened, version, listed, callbackId, byName }).toEqual({
      auth: [0],
      keepalive: true,
      opened: undefined,
      version: '9.0.0',
      listed: [guest],
      callbackId: 0,
      byName: guest,
    });
    expect(noDomain).toBeInstanceOf(LibvirtError);
    expect(noDomain).toMatchObject({ libvirtCode: 42, libvirtDomain: 10, procedure: 'domain_lookup_by_uuid' });
    expect(xml).toContain("<mac address='52:54:00:11:22:33'/>");
    expect(answers.slice(9, 16)).toMatchObject([
      { readRequests: 1n, readBytes: 512n, writeRequests: 0n, writeBytes: 0n, errors: undefined },
      new Map([
        ['wr_bytes', 0n],
        ['wr_operations', 0n],
        ['rd_bytes', 0n],
        ['rd_operations', 0n],
        ['flush_operations', 0n],
        ['wr_total_times', 0n],
        ['rd_total_times', 0n],
        ['flush_total_times', 0n],
      ]),
      { capacity: 67_108_864n, allocation: 0n, physical: 67_108_864n },
      { code: 'LIBVIRT_REMOTE', libvirtCode: 8, message: 'invalid argument: invalid path: none' },
      {
        rxBytes: 176n,
        rxPackets: 2n,
        rxErrors: 0n,
        rxDrop: 0n,
        txBytes: 0n,
        txPackets: 0n,
        txErrors: 0n,
        txDrop: 0n,
      },
      { actualBalloon: 32_768n, lastUpdate: 0n, rss: 44_056n },
      { state: 1, maxMemoryKib: 32_768n, memoryKib: 32_768n, vcpus: 1, cpuTimeNs: 310_000_000n },
    ]);
    const [all] = answers[16] as DomainStatsRecord[];
    expect(all!.domain).toEqual(guest);
    expect(all!.params.size).toBe(31);
    expect(Object.fromEntries(all!.params)).toMatchObject({
      'state.reason': 5,
      'cpu.time': 310_000_000n,
      'vcpu.0.delay': 9_680_198n,
      'net.0.name': 'taprec0',
      'block.1.path': '/var/lib/libvirt/images/b.raw',
    });
    const [some] = answers[17] as DomainStatsRecord[];
    expect([...some!.params.keys()].every((name) => /^(state|vcpu)\./.test(name))).toBe(true);
    expect(events).toEqual([
      { domain: guest, event: 3, detail: 0 },
      { domain: guest, event: 4, detail: 0 },
    ]);
  });

  it('is read the same however it is divided', async () => {
    const whole = await play([session]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), async (at) => {
        expect(await play(cut(session, at))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});
