import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import type { Sample, SampleStore } from '@nephoscope/core';

/** The functions that jest and vitest put into the global scope. */
declare const describe: (name: string, body: () => void) => void;
declare const it: (name: string, body: () => Promise<void>) => void;

export interface SampleStoreContract {
  /**
   * A store that is not started, made anew by each call. The same `place` means the same storage; the
   * storage of one that was not named before is empty.
   */
  create(place: string): SampleStore | Promise<SampleStore>;
}

const second = 1_000_000_000n;
const noon = 1_795_348_800n * second;

/** A sample that is consistent in itself; `fields` replaces some of it, in the text too. */
export function exampleSample(
  fields: Partial<Omit<Sample, 'text'>> & { readonly metadata?: string } = {},
): Sample {
  const { metadata = '{"host": "compute-1"}', ...given } = fields;
  const sample = {
    messageId: randomUUID(),
    source: 'openstack',
    meter: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    volume: '1',
    userId: 'user-1',
    projectId: 'project-1',
    resourceId: 'resource-1',
    timestamp: noon,
    publisherId: 'compute.host-1',
    sequence: 1n,
    epoch: 'run-1',
    ...given,
  };
  const text =
    `{"message_id": ${JSON.stringify(sample.messageId)}, "counter_name": ${JSON.stringify(sample.meter)}, ` +
    `"counter_volume": ${sample.volume}, "resource_id": ${JSON.stringify(sample.resourceId)}, ` +
    `"resource_metadata": ${metadata}, "message_signature": "${'5f'.repeat(32)}"}`;
  return { ...sample, text };
}

/**
 * What every sample store must do, as tests of the framework that runs: `describe` and `it` are taken from
 * the global scope.
 */
export function sampleStoreContract(name: string, contract: SampleStoreContract): void {
  const never = new AbortController().signal;

  /** Runs the body with an empty store, and with the means to open its storage once more. */
  const withStore =
    (body: (store: SampleStore, again: () => Promise<SampleStore>) => Promise<void>) =>
    async (): Promise<void> => {
      const place = `contract-${randomUUID()}`;
      const again = async () => await contract.create(place);
      const store = await again();
      await store.start(never);
      try {
        await body(store, again);
      } finally {
        await store.stop();
      }
    };

  describe(`${name}: sample store contract`, () => {
    describe('lifecycle', () => {
      it('may be stopped before it was started', async () => {
        const store = await contract.create(`contract-${randomUUID()}`);
        await store.stop();
      });

      it(
        'may be stopped twice, and twice at the same time',
        withStore(async (store) => {
          await Promise.all([store.stop(), store.stop()]);
          await store.stop();
        }),
      );

      it('is not well before it is started, and well afterwards', async () => {
        const store = await contract.create(`contract-${randomUUID()}`);
        assert.equal(store.health().ok, false);
        await store.start(never);
        assert.deepEqual(store.health(), { ok: true });
        await store.stop();
        assert.equal(store.health().ok, false);
      });

      it('does not start once its signal is aborted, and can be started later', async () => {
        const store = await contract.create(`contract-${randomUUID()}`);
        const reason = new Error('changed our mind');
        await assert.rejects(
          async () => await store.start(AbortSignal.abort(reason)),
          (error) => error === reason,
        );
        await store.start(never);
        await store.record([exampleSample()]);
        await store.stop();
      });

      it(
        'refuses to work when it is stopped',
        withStore(async (store) => {
          await store.stop();
          await rejectsUnavailable(async () => await store.record([exampleSample()]));
          await rejectsUnavailable(async () => await all(store));
          await rejectsUnavailable(async () => await store.meters({}));
          await rejectsUnavailable(async () => await store.resources({}));
        }),
      );

      it(
        'finds what it recorded when it is started again',
        withStore(async (store, again) => {
          const sample = exampleSample();
          await store.record([sample]);
          await store.stop();
          await store.start(never);
          assert.deepEqual(await all(store), [sample]);
          await store.stop();
          const other = await again();
          await other.start(never);
          try {
            assert.deepEqual(await all(other), [sample]);
            assert.deepEqual(await other.record([sample]), { recorded: 0, duplicates: 1 });
          } finally {
            await other.stop();
          }
        }),
      );

      it(
        'shares its storage with a second one that is stopped in between',
        withStore(async (store, again) => {
          const [one, two, three] = [
            exampleSample({ timestamp: noon }),
            exampleSample({ timestamp: noon + 1n }),
            exampleSample({ timestamp: noon + 2n }),
          ];
          await store.record([one]);
          const other = await again();
          await other.start(never);
          await other.record([two]);
          await other.stop();
          await store.record([three]);
          assert.deepEqual(await all(store), [one, two, three]);
        }),
      );

      it('may be started on one empty storage by two at the same time', async () => {
        const place = `contract-${randomUUID()}`;
        const stores = [await contract.create(place), await contract.create(place)];
        try {
          await Promise.all(stores.map((store) => store.start(never)));
          const results = await Promise.all(
            stores.map((store, at) => store.record([exampleSample({ sequence: BigInt(at) })])),
          );
          assert.deepEqual(results, [
            { recorded: 1, duplicates: 0 },
            { recorded: 1, duplicates: 0 },
          ]);
        } finally {
          await Promise.all(stores.map((store) => store.stop()));
        }
      });
    });

    describe('record', () => {
      it(
        'takes an empty batch',
        withStore(async (store) => {
          assert.deepEqual(await store.record([]), { recorded: 0, duplicates: 0 });
        }),
      );

      it(
        'records a batch once, however often it is offered',
        withStore(async (store) => {
          const batch = examples(250);
          assert.deepEqual(await store.record(batch), { recorded: 250, duplicates: 0 });
          assert.deepEqual(await store.record(batch), { recorded: 0, duplicates: 250 });
          assert.deepEqual(await store.record([...batch.slice(100), ...examples(3)]), {
            recorded: 3,
            duplicates: 150,
          });
          assert.equal((await all(store)).length, 253);
        }),
      );

      it(
        'keeps the first of those with one message id',
        withStore(async (store) => {
          const first = exampleSample({ volume: '1' });
          const later = exampleSample({
            messageId: first.messageId,
            volume: '2',
            meter: 'other',
            timestamp: noon + second,
          });
          assert.deepEqual(await store.record([first, later, first]), { recorded: 1, duplicates: 2 });
          assert.deepEqual(await store.record([later]), { recorded: 0, duplicates: 1 });
          assert.deepEqual(await all(store), [first]);
        }),
      );

      it(
        'counts exactly when the same samples are recorded at the same time',
        withStore(async (store) => {
          const batch = examples(120);
          const results = await Promise.all([batch, batch, batch].map((samples) => store.record(samples)));
          assert.equal(
            results.reduce((sum, { recorded }) => sum + recorded, 0),
            120,
          );
          assert.equal(
            results.reduce((sum, { duplicates }) => sum + duplicates, 0),
            240,
          );
          assert.equal((await all(store)).length, 120);
        }),
      );
    });

    describe('gives back what it was given', () => {
      const volumes = [
        '8292646586825371460',
        '1e-07',
        '0.1',
        '1.0',
        '-0',
        '18446744073709551615',
        '0.30000000000000004',
        '1E+400',
        '9007199254740993',
      ];
      for (const volume of volumes) {
        it(`the volume ${volume}`, withStore(roundTrip(exampleSample({ volume }))));
      }
      it(
        'numbers and times beyond 2^53',
        withStore(roundTrip(exampleSample({ sequence: 2n ** 63n - 1n, timestamp: noon + 1n }))),
      );
      it('a time before 1970', withStore(roundTrip(exampleSample({ timestamp: -1n }))));
      it(
        'what is not known',
        withStore(
          roundTrip(
            exampleSample({
              unit: null,
              userId: null,
              projectId: null,
              publisherId: null,
              sequence: null,
              epoch: null,
            }),
          ),
        ),
      );
      it(
        'empty names as such',
        withStore(roundTrip(exampleSample({ unit: '', userId: '', projectId: '', epoch: '' }))),
      );
      it(
        'any script and quote',
        withStore(
          roundTrip(
            exampleSample({
              unit: '漢"\'\\%_;--',
              userId: 'clé 🙂',
              resourceId: '𝔘\n\u2028',
              meter: 'instance:m1.small',
            }),
          ),
        ),
      );

      const texts: Readonly<Record<string, string>> = {
        'characters beyond the first plane': '{"a": "🙂 𝔘 漢 é", "resource_metadata": {"k": "🙂"}}',
        escapes:
          '{"a": "\\u0000\\ud83d\\ude42\\/\\"", "resource_metadata": {"\\u0000": "\\"resource_metadata\\": {}"}}',
        'blanks and line ends': ' {\r\n\t"resource_metadata" : { "b" :1.0 , "a": 1e-07 }\n} \n',
        'no metadata': '{"a": [{"resource_metadata": {"inner": 1}}]}',
      };
      for (const [what, text] of Object.entries(texts)) {
        it(`a text with ${what}, byte for byte`, withStore(roundTrip({ ...exampleSample(), text })));
      }

      it(
        'names that differ only in being unknown or empty, apart',
        withStore(async (store) => {
          const samples = [
            exampleSample({ unit: null }),
            exampleSample({ unit: '', timestamp: noon + 1n }),
            exampleSample({ epoch: null, timestamp: noon + 2n }),
          ];
          await store.record(samples);
          assert.deepEqual(await all(store), samples);
        }),
      );
    });

    describe('samples', () => {
      const set = [
        exampleSample({
          timestamp: noon + 3n,
          meter: 'cpu',
          resourceId: 'r1',
          projectId: 'p1',
          userId: 'u1',
          source: 's1',
        }),
        exampleSample({
          timestamp: noon + 1n,
          meter: 'cpu',
          resourceId: 'r2',
          projectId: 'p1',
          userId: 'u2',
          source: 's1',
        }),
        exampleSample({
          timestamp: noon,
          meter: 'vcpus',
          resourceId: 'r1',
          projectId: 'p2',
          userId: 'u1',
          source: 's2',
        }),
        exampleSample({
          timestamp: noon + 2n,
          meter: 'cpu',
          resourceId: 'r1',
          projectId: null,
          userId: null,
          source: 's2',
        }),
      ] as const;
      const [d, b, a, c] = set;
      const filters: readonly (readonly [string, Parameters<SampleStore['samples']>[0], readonly Sample[]])[] = [
        ['everything, by time', {}, [a, b, c, d]],
        ['a meter', { meter: 'cpu' }, [b, c, d]],
        ['a resource', { resourceId: 'r1' }, [a, c, d]],
        ['a project', { projectId: 'p1' }, [b, d]],
        ['a user', { userId: 'u1' }, [a, d]],
        ['a source', { source: 's2' }, [a, c]],
        [
          'all at once',
          {
            meter: 'cpu',
            resourceId: 'r1',
            projectId: 'p1',
            userId: 'u1',
            source: 's1',
            start: noon,
            end: noon + 4n,
          },
          [d],
        ],
        ['nothing', { meter: 'CPU' }, []],
        ['a pattern is no pattern', { meter: '%' }, []],
        ['the start included', { start: noon + 1n }, [b, c, d]],
        ['the end excluded', { end: noon + 2n }, [a, b]],
        ['one nanosecond', { start: noon + 2n, end: noon + 3n }, [c]],
        ['no time at all', { start: noon + 2n, end: noon + 2n }, []],
        ['times beyond 64 bits', { start: -(2n ** 70n), end: 2n ** 70n }, [a, b, c, d]],
        ['after all time', { start: 2n ** 70n }, []],
      ];
      for (const [what, filter, expected] of filters) {
        it(
          `finds ${what}`,
          withStore(async (store) => {
            await store.record(set);
            assert.deepEqual(await all(store, filter), expected);
            assert.deepEqual(await all(store, filter, { newestFirst: true }), expected.toReversed());
            assert.deepEqual(await all(store, filter, { limit: 2 }), expected.slice(0, 2));
          }),
        );
      }

      it(
        'takes a limit of none, of one and of more than there are',
        withStore(async (store) => {
          await store.record(set);
          assert.deepEqual(await all(store, {}, { limit: 0 }), []);
          assert.deepEqual(await all(store, {}, { limit: 1, newestFirst: true }), [d]);
          assert.deepEqual(await all(store, {}, { limit: 1000 }), [a, b, c, d]);
        }),
      );

      it(
        'streams many, each once and in order, also when they share a time',
        withStore(async (store) => {
          // More of one time, and more series, than any page of a reader is likely to hold.
          const many = Array.from({ length: 4000 }, (_, at) =>
            exampleSample({
              timestamp: noon + BigInt(Math.floor(at / 1500)),
              resourceId: `r${at % 100}`,
              sequence: BigInt(at),
            }),
          );
          for (let start = 0; start < many.length; start += 1000)
            await store.record(many.slice(start, start + 1000));
          for (const filter of [{}, { meter: 'cpu' }, { projectId: 'project-1', start: noon }]) {
            for (const newestFirst of [false, true]) {
              const found = await all(store, filter, { newestFirst });
              assert.equal(new Set(found.map(({ messageId }) => messageId)).size, many.length);
              const times = found.map(({ timestamp }) => timestamp);
              assert.deepEqual(times, newestFirst ? times.toSorted(descending) : times.toSorted(ascending));
            }
          }
          assert.equal((await all(store, { resourceId: 'r7' })).length, 40);
        }),
      );

      it(
        'may be left early, and read twice at the same time while others record',
        withStore(async (store) => {
          await store.record(examples(1200));
          for await (const sample of store.samples({})) {
            assert.equal(sample.meter, 'cpu');
            break;
          }
          const [one, two, recorded] = await Promise.all([
            all(store),
            all(store, {}, { newestFirst: true }),
            store.record(examples(10)),
          ]);
          assert.ok(one.length >= 1200 && two.length >= 1200);
          assert.deepEqual(recorded, { recorded: 10, duplicates: 0 });
        }),
      );
    });

    describe('summaries', () => {
      it(
        'of nothing are empty',
        withStore(async (store) => {
          assert.deepEqual(await store.meters({}), []);
          assert.deepEqual(await store.resources({}), []);
        }),
      );

      const set = [
        exampleSample({ timestamp: noon, resourceId: 'r1', projectId: 'old', metadata: '{"n": 1}' }),
        exampleSample({
          timestamp: noon + 2n,
          resourceId: 'r1',
          projectId: 'new',
          metadata: '{ "n": 8292646586825371460, "f":1.0, "s":"\\u00e9🙂" }',
        }),
        exampleSample({
          timestamp: noon + 1n,
          resourceId: 'r1',
          projectId: 'new',
          meter: 'vcpus',
          type: 'gauge',
          unit: 'vcpu',
          metadata: '{"n": 2}',
        }),
        exampleSample({
          timestamp: noon + 1n,
          resourceId: 'r2',
          projectId: null,
          userId: null,
          unit: null,
          metadata: '{}',
        }),
      ];

      it(
        'of meters tell name, type, unit and how many',
        withStore(async (store) => {
          await store.record(set);
          const cpu = { name: 'cpu', type: 'cumulative' };
          const vcpus = { name: 'vcpus', type: 'gauge', unit: 'vcpu', resources: 1, samples: 1 };
          const byName = (one: { name: string; unit: string | null }) => `${one.name} ${one.unit ?? ''}`;
          const sorted = async (filter: Parameters<SampleStore['meters']>[0]) =>
            (await store.meters(filter)).toSorted((x, y) => (byName(x) < byName(y) ? -1 : 1));
          assert.deepEqual(await sorted({}), [
            { ...cpu, unit: null, resources: 1, samples: 1 },
            { ...cpu, unit: 'ns', resources: 1, samples: 2 },
            vcpus,
          ]);
          assert.deepEqual(await sorted({ start: noon + 2n }), [{ ...cpu, unit: 'ns', resources: 1, samples: 1 }]);
          assert.deepEqual(await sorted({ meter: 'vcpus' }), [vcpus]);
        }),
      );

      it(
        'of resources tell their time, their meters and what the latest sample says',
        withStore(async (store) => {
          await store.record(set);
          const r1 = { resourceId: 'r1', projectId: 'new', userId: 'user-1', source: 'openstack' };
          const r2 = {
            resourceId: 'r2',
            projectId: null,
            userId: null,
            source: 'openstack',
            firstTimestamp: noon + 1n,
            lastTimestamp: noon + 1n,
            meters: ['cpu'],
            metadata: '{}',
          };
          const found = async (filter: Parameters<SampleStore['resources']>[0]) =>
            (await store.resources(filter))
              .map((one) => ({ ...one, meters: one.meters.toSorted() }))
              .toSorted((x, y) => (x.resourceId < y.resourceId ? -1 : 1));
          assert.deepEqual(await found({}), [
            {
              ...r1,
              firstTimestamp: noon,
              lastTimestamp: noon + 2n,
              meters: ['cpu', 'vcpus'],
              metadata: '{ "n": 8292646586825371460, "f":1.0, "s":"\\u00e9🙂" }',
            },
            r2,
          ]);
          assert.deepEqual(await found({ end: noon + 2n, start: noon + 1n }), [
            {
              ...r1,
              firstTimestamp: noon + 1n,
              lastTimestamp: noon + 1n,
              meters: ['vcpus'],
              metadata: '{"n": 2}',
            },
            r2,
          ]);
          assert.deepEqual(
            (await found({ projectId: 'old' })).map(({ metadata }) => metadata),
            ['{"n": 1}'],
          );
        }),
      );
    });
  });
}

function examples(count: number): Sample[] {
  return Array.from({ length: count }, (_, at) =>
    exampleSample({ sequence: BigInt(at), timestamp: noon + BigInt(at) * second, resourceId: `r${at % 7}` }),
  );
}

function roundTrip(sample: Sample): (store: SampleStore) => Promise<void> {
  return async (store) => {
    await store.record([sample]);
    assert.deepEqual(await all(store), [sample]);
    assert.deepEqual(await all(store, { meter: sample.meter, resourceId: sample.resourceId }), [sample]);
  };
}

async function all(store: SampleStore, ...query: Parameters<SampleStore['samples']> | []): Promise<Sample[]> {
  const [filter = {}, options] = query;
  const found: Sample[] = [];
  for await (const sample of store.samples(filter, options)) found.push(sample);
  return found;
}

async function rejectsUnavailable(action: () => Promise<unknown>): Promise<void> {
  await assert.rejects(action, { code: 'STORE_UNAVAILABLE' });
}

const ascending = (one: bigint, other: bigint): number => (one < other ? -1 : one > other ? 1 : 0);
const descending = (one: bigint, other: bigint): number => ascending(other, one);
