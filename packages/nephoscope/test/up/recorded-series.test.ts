import { RecordedSeries } from '../../src/up/recorded-series.js';
import { sampleOf } from '../sample.js';

const second = 1_000_000_000n;
const start = 1_000_000_000n * second;

describe('RecordedSeries', () => {
  it('keeps the latest two samples of each meter and resource', () => {
    const recorded = new RecordedSeries(start);
    for (const count of [1n, 2n, 3n]) recorded.add(sampleOf({ volume: count, timestamp: start + count * second }));
    recorded.add(sampleOf({ name: 'cpu.wait', timestamp: start }));
    expect(recorded.all.map(({ latest, previous }) => [latest.meter, latest.volume, previous?.volume])).toEqual([
      ['cpu', '3', '2'],
      ['cpu.wait', '1', undefined],
    ]);
  });

  it('accepts a sample once, and none that is older than those shown', () => {
    const recorded = new RecordedSeries(start);
    const later = sampleOf({ timestamp: start + second });
    expect(recorded.add(later)).toBeDefined();
    expect(recorded.add(later)).toBeUndefined();
    expect(recorded.add(sampleOf({ timestamp: start }))).toBeUndefined();
  });

  it('reads from shortly before its newest sample, never from before its start', () => {
    const recorded = new RecordedSeries(start);
    expect(recorded.readFrom).toBe(start);
    recorded.add(sampleOf({ timestamp: start + second }));
    expect(recorded.readFrom).toBe(start);
    recorded.add(sampleOf({ timestamp: start + 60n * second }));
    expect(recorded.readFrom).toBe(start + 50n * second);
  });

  it('shows the instance of a disk, and other resources by their id', () => {
    const recorded = new RecordedSeries(start);
    recorded.add(
      sampleOf({
        resourceId: 'i-vda',
        resourceMetadata: { instance_id: 'i', display_name: 'web', disk_name: 'vda' },
      }),
    );
    recorded.add(sampleOf({ resourceId: 'rack-12', resourceMetadata: {} }));
    expect(recorded.all.map(({ owner }) => owner)).toEqual([
      { instanceId: 'i', instanceName: 'web', device: 'vda' },
      { instanceId: 'rack-12', instanceName: 'rack-12', device: '' },
    ]);
  });

  it('discards an instance without new samples, with all its meters', () => {
    const recorded = new RecordedSeries(start);
    recorded.add(sampleOf({ resourceId: 'gone', timestamp: start }));
    recorded.add(sampleOf({ resourceId: 'here', name: 'seldom', timestamp: start }));
    recorded.add(sampleOf({ resourceId: 'here', timestamp: start + 60n * second }));
    recorded.forgetOlderThan(30n * second);
    expect(recorded.all.map(({ latest }) => `${latest.resourceId} ${latest.meter}`)).toEqual([
      'here seldom',
      'here cpu',
    ]);
  });
});
