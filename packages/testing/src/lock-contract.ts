import assert from 'node:assert/strict';

import type { MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { deadline, rejects, text, until } from './message-bus-checks.js';
import { testFramework } from './test-framework.js';

type WithBus = (body: (bus: MessageBus, topology: QueueTopology) => Promise<void>) => Promise<void>;

/** The requirements on `lead`. */
export function lockContract(create: () => MessageBus, withBus: WithBus): void {
  const { it } = testFramework();
  const bytes = (note: string) => new TextEncoder().encode(note);

  it('grants no lock before the start, after the stop, or after the request was aborted', async () => {
    await rejects(create().lead('contract', deadline()), 'BUS_UNAVAILABLE');
    await withBus(async (bus, { queue }) => {
      await assert.rejects(bus.lead(queue, AbortSignal.abort(new Error('not any more'))), /not any more/);
      await bus.stop();
      await rejects(bus.lead(queue, deadline()), 'BUS_UNAVAILABLE');
    });
  });

  it('grants a lock to one holder after another, each with the note of the previous one', async () => {
    await withBus(async (bus, { queue }) => {
      let held = 0;
      const notes: string[] = [];
      await Promise.all(
        ['a', 'b', 'c'].map(async (name) => {
          const lock = await bus.lead(queue, deadline());
          assert.equal(++held, 1);
          assert.equal(lock.lost.aborted, false);
          notes.push(text(lock.note));
          await lock.saveNote(bytes(`${text(lock.note)}${name}?`));
          await lock.saveNote(bytes(`${text(lock.note)}${name}`));
          held--;
          await lock.release();
          await lock.release();
          assert.equal(lock.lost.aborted, true);
          await rejects(lock.saveNote(bytes('too late')), 'BUS_UNAVAILABLE');
        }),
      );
      const last = await bus.lead(queue, deadline());
      notes.push(text(last.note));
      assert.deepEqual(
        notes.map((note) => note.length),
        [0, 1, 2, 3],
      );
      assert.ok(
        notes.every((note, i) => i === 0 || note.startsWith(notes[i - 1] as string)),
        notes.join(),
      );
    });
  });

  it('keeps a note byte for byte, whatever its length', async () => {
    await withBus(async (bus, { queue }) => {
      for (const length of [300_000, 1, 0]) {
        const note = Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
        const lock = await bus.lead(queue, deadline());
        const left = lock.saveNote(note);
        await left;
        // Later changes of the caller's own bytes must not matter.
        const expected = note.slice();
        note.fill(0);
        await lock.release();
        const next = await bus.lead(queue, deadline());
        assert.ok(Buffer.from(next.note).equals(expected), `${length} bytes`);
        await next.release();
      }
    });
  });

  it('skips a request that was aborted', async () => {
    await withBus(async (bus, { queue }) => {
      const first = await bus.lead(queue, deadline());
      const waiting = new AbortController();
      const second = bus.lead(queue, waiting.signal);
      const third = bus.lead(queue, deadline());
      waiting.abort(new Error('not any more'));
      await assert.rejects(second, /not any more/);
      await first.release();
      assert.equal((await third).lost.aborted, false);
    });
  });

  it('grants locks with other names at the same time', async () => {
    await withBus(async (bus, { queue, deadLetterQueue }) => {
      const one = await bus.lead(queue, deadline());
      const other = await bus.lead(deadLetterQueue, deadline());
      await one.saveNote(bytes('one'));
      assert.deepEqual([one.lost.aborted, text(other.note)], [false, '']);
    });
  });

  it('releases all locks when it stops', async () => {
    await withBus(async (bus, { queue }) => {
      const held = await bus.lead(queue, deadline());
      const waiting = bus.lead(queue, deadline());
      const refused = rejects(waiting, 'BUS_UNAVAILABLE');
      await bus.stop();
      await refused;
      await until('the loss', () => held.lost.aborted);
      await rejects(held.saveNote(bytes('too late')), 'BUS_UNAVAILABLE');
    });
  });
}
