import { z } from 'zod';

export const options = z.strictObject({
  url: z
    .string()
    .regex(/^sqlite:(?!\/\/)[^?#]+$/, 'must look like sqlite:/var/lib/nephoscope/samples.db')
    .default('sqlite:/var/lib/nephoscope/samples.db')
    .describe(
      'Where the samples are kept: `sqlite:` and the path of the file, absolute or from the working directory. ' +
        'The file and its folder are created when they are missing. `sqlite::memory:` keeps them until the program ends.',
    ),
});

export type Options = z.infer<typeof options>;
