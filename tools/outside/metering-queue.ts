import { Secret } from '@nephoscope/core/options';
import type { Sample } from '@nephoscope/core/sample-store';
import {
  createVerifier,
  meteringContentType,
  meteringTopology,
  readMeteringMessage,
  splitMeteringBatch,
} from '@nephoscope/message';
import { connect } from 'amqplib';

/**
 * Takes everything that is in the queue `metering`.
 *
 * @throws Error when something there is no metering message signed with the secret
 */
export async function takeSamples(url: string, secret: string): Promise<readonly Sample[]> {
  const verifier = createVerifier({ secrets: [new Secret(secret)] });
  const samples: Sample[] = [];
  const model = await connect(url);
  try {
    const channel = await model.createChannel();
    // Declared by the agent; where it got so far as to connect, it is there.
    for (
      let got = await channel.get(meteringTopology.queue, { noAck: true });
      got !== false;
      got = await channel.get(meteringTopology.queue, { noAck: true })
    ) {
      if (got.properties.contentType !== meteringContentType)
        throw new Error(`a message of the type ${got.properties.contentType}`);
      for (const line of splitMeteringBatch(got.content)) {
        if (typeof line !== 'string') throw new Error(line.reason);
        const { message, sample } = readMeteringMessage(line);
        const verdict = verifier.verify(message);
        if (verdict !== 'verified') throw new Error(`the sample of ${sample.meter} is ${verdict}`);
        if (got.fields.routingKey !== `metering.${sample.meter}`)
          throw new Error(`a sample of ${sample.meter} under ${got.fields.routingKey}`);
        samples.push(sample);
      }
    }
  } finally {
    await model.close();
  }
  return samples;
}
