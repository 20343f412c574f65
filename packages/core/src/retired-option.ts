import { z } from 'zod';

/**
 * An option of a version before that has no effect any more. A configuration that has it is taken, with a warning; the
 * reference does not show it.
 *
 * @param advice why it is gone and what to do, after the option's path: `RabbitMQ's messages are taken 100 at a time; remove the key`
 */
export const ignoredOption = (advice: string) =>
  z.unknown().optional().meta({ retired: advice, deprecated: true });

/**
 * An option of a version before that decided what is metered, and is written elsewhere or in another way: without it other
 * samples would be billed, so a configuration that has it is refused.
 *
 * @param advice what to write instead, after the option's path
 */
export const refusedOption = (advice: string) =>
  z.never({ error: advice }).optional().meta({ retired: advice, deprecated: true });
