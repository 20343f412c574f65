import { meteringTopology, splitMeteringBatch } from '@nephoscope/message';
import { connect } from 'amqplib';

/** The lines of all dead letters, which stay in the queue. */
export async function readDeadLetters(url: string): Promise<readonly string[]> {
  const model = await connect(url);
  try {
    const channel = await model.createChannel();
    const deadLetters: string[] = [];
    for (;;) {
      // Not acknowledged, so they are requeued when the connection is closed.
      const deadLetter = await channel.get(meteringTopology.deadLetterQueue);
      if (deadLetter === false) return deadLetters;
      for (const line of splitMeteringBatch(deadLetter.content))
        deadLetters.push(typeof line === 'string' ? line : `(${line.reason})`);
    }
  } finally {
    await model.close();
  }
}
