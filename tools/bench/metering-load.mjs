import { readFileSync } from 'node:fs';

import {
  MeteringBatch,
  createSigner,
  meteringContentType,
  meteringTopology,
  readMeteringMessage,
  signMeteringMessage,
} from '@nephoscope/message';
import { v7 as uuid } from 'uuid';

const cycleNs = 600n * 1_000_000_000n;

/** The maximum growth of a cumulative volume in a cycle, by unit. */
const growth = { ns: 600_000_000_000, B: 100_000_000, packet: 100_000, request: 10_000, MB: 16 };

/**
 * Metering messages with the requested number of samples: those of the captured cycle repeated, ten minutes later each time, with
 * different volumes, ids and sequence numbers, signed again, and grouped as by the agent.
 *
 * @param file the output of captured-messages.mjs
 */
export function* meteringLoad(file, secret, samples) {
  const signer = createSigner({ secret, form: 'canonical' });
  const groups = capturedGroups(file);
  let sequence = 0n;
  for (let cycle = 0n, left = samples; left > 0; cycle++) {
    for (const { routingKey, series } of groups) {
      const batch = new MeteringBatch();
      for (const one of series.slice(0, left)) batch.add(sign(one, cycle, ++sequence, signer));
      for (const { bytes, lines } of batch.bodies()) {
        left -= lines;
        const { exchange } = meteringTopology;
        yield { exchange, routingKey, contentType: meteringContentType, body: bytes, samples: lines };
      }
      if (left === 0) return;
    }
  }
}

function sign(one, cycle, sequence, signer) {
  one.volume = nextVolume(one.counter, one.volume);
  const counter = { ...one.counter, volume: one.volume, timestamp: one.timestamp + cycle * cycleNs };
  return signMeteringMessage(counter, { ...one.envelope, messageId: uuid(), sequence }, signer);
}

function nextVolume({ type, unit }, volume) {
  if (type === 'gauge') return unit === '%' ? Math.random() * 100 : volume;
  const more = Math.floor(Math.random() * (growth[unit] ?? 1));
  return typeof volume === 'bigint' ? volume + BigInt(more) : volume + more;
}

/** The captured messages; consecutive ones with the same routing key form a group. */
function capturedGroups(file) {
  const metadata = new Map();
  const groups = [];
  for (const { routingKey, lines } of JSON.parse(readFileSync(file, 'utf8'))) {
    const series = lines.map((line) => seriesOf(line, metadata));
    const last = groups.at(-1);
    if (last?.routingKey === routingKey) last.series.push(...series);
    else groups.push({ routingKey, series });
  }
  return groups;
}

/** @param metadata objects by their text: as in an agent, equal ones are the same object */
function seriesOf(line, metadata) {
  const { sample } = readMeteringMessage(line);
  const { resource_metadata: ofResource } = JSON.parse(line);
  const text = JSON.stringify(ofResource);
  if (!metadata.has(text)) metadata.set(text, deepFrozen(ofResource));
  const { meter: name, type, unit, volume, userId, projectId, resourceId, timestamp } = sample;
  const { source, publisherId, epoch } = sample;
  return {
    counter: { name, type, unit, userId, projectId, resourceId, resourceMetadata: metadata.get(text) },
    volume: /^\d+$/.test(volume) ? BigInt(volume) : Number(volume),
    timestamp,
    envelope: { source, publisherId, epoch: epoch ?? undefined },
  };
}

function deepFrozen(value) {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFrozen);
  return Object.freeze(value);
}
