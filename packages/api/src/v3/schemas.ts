import { z } from 'zod';

import { problemKinds } from './problem.js';

// What replies are made of. Numbers that may have any number of digits are texts; what is not known is null, never 0.

const id = (text: string) => z.string().describe(text);
const time = (text: string) => z.iso.datetime({ offset: true, precision: null }).describe(text);
const decimal = (text: string) =>
  z
    .string()
    .regex(/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/)
    .describe(`${text} Decimal text, with all of its digits.`);
const metadata = z
  .record(z.string(), z.unknown())
  .nullable()
  .describe('`resource_metadata` as received; numbers in it may have more digits than a double holds.');

export const signatureStates = [
  'verified',
  'unsigned',
  'signature-wrong',
  'signature-malformed',
  'scheme-unknown',
  'form-unknown',
  'form-refused',
  'columns-differ',
  'unreadable',
  'not-checked',
] as const;

export const signatureSchema = z
  .object({
    state: z.enum(signatureStates),
    form: z.enum(['canonical', 'ceilometer']).nullable().describe('The form of a signature that was verified.'),
    reason: z.string().nullable().describe('Why the sample is not verified, in a sentence.'),
  })
  .describe(
    'Whether the stored message still bears its signature, and the stored figures are those of the message. `not-checked`: the API has no secrets, or was not asked to check.',
  )
  .meta({ id: 'Signature' });

const sampleFields = {
  message_id: id('Identifies the message; recorded once.'),
  timestamp: time('When it was read, in UTC, with up to nine digits of a second.'),
  source: id('The system that it comes from.'),
  meter: id('Name of the meter.'),
  type: z.string().describe('`cumulative`, `delta` or `gauge`.'),
  unit: z.string().nullable(),
  volume: decimal('What was read.'),
  project_id: id('Owner.').nullable(),
  user_id: id('User.').nullable(),
  resource_id: id('What it was read of.'),
  epoch: id('The run that a cumulative volume counts from.').nullable(),
  publisher_id: id('The agent that made the message.').nullable(),
  sequence: decimal('Number of the message there.').nullable(),
};

export const sampleSchema = z
  .object({ ...sampleFields, metadata, signature: signatureSchema })
  .describe('A recorded sample. The time of recording is not kept.')
  .meta({ id: 'Sample' });

export const wholeSampleSchema = z
  .object({
    ...sampleFields,
    metadata,
    signature: signatureSchema,
    message: z.string().describe('The message as received, character by character, for who checks it elsewhere.'),
  })
  .meta({ id: 'SampleWithMessage' });

/** The columns of samples in CSV, in this order. */
export const sampleColumns = Object.keys(sampleFields) as readonly (keyof typeof sampleFields)[];

const next = z.string().nullable().describe('The `cursor` of the next page; null: this is the last one.');

const page = <T extends z.ZodType>(name: string, key: string, item: T) =>
  z.object({ [key]: z.array(item), next }).meta({ id: name });

export const samplePageSchema = page('SamplePage', 'samples', sampleSchema);

const span = {
  first_timestamp: time('Of the first sample.'),
  last_timestamp: time('Of the last sample.'),
};

export const ownerSchema = z
  .object({ project_id: z.string().nullable(), user_id: z.string().nullable(), ...span })
  .describe('An owner, and the first and last sample that names it.')
  .meta({ id: 'Owner' });

export const resourceMeterSchema = z
  .object({ name: z.string(), type: z.string(), unit: z.string().nullable(), source: z.string(), ...span })
  .meta({ id: 'ResourceMeter' });

export const resourceSchema = z
  .object({
    resource_id: z.string(),
    project_id: z.string().nullable().describe('Of its latest sample, as are user, source and metadata.'),
    user_id: z.string().nullable(),
    source: z.string(),
    ...span,
    owners: z.array(ownerSchema).describe('In the order of their first samples.'),
    meters: z.array(resourceMeterSchema),
    metadata,
  })
  .meta({ id: 'Resource' });

export const resourcePageSchema = page('ResourcePage', 'resources', resourceSchema);

export const stateSchema = z
  .object({
    ...span,
    samples: z.number().int().describe('How many samples said this, one after the other.'),
    project_id: z.string().nullable(),
    user_id: z.string().nullable(),
    flavor: z.string().nullable().describe('`flavor.name` of the metadata, else `instance_type`.'),
    host: z.string().nullable().describe('`host` of the metadata, else `instance_host`.'),
    status: z.string().nullable().describe('`status` of the metadata, else `state`.'),
  })
  .describe('What samples said of the resource, until one said something else.')
  .meta({ id: 'ResourceState' });

export const historySchema = z
  .object({ resource_id: z.string(), states: z.array(stateSchema) })
  .meta({ id: 'ResourceHistory' });

export const meterSchema = z
  .object({
    name: z.string(),
    type: z.string(),
    unit: z.string().nullable(),
    resources: z.number().int(),
    samples: z.number().int(),
  })
  .meta({ id: 'Meter' });

export const metersSchema = z.object({ meters: z.array(meterSchema) }).meta({ id: 'Meters' });

export const projectSchema = z
  .object({ project_id: z.string().nullable(), resources: z.number().int(), ...span })
  .meta({ id: 'Project' });

export const projectsSchema = z.object({ projects: z.array(projectSchema) }).meta({ id: 'Projects' });

const seconds = (text: string) => decimal(`${text} In seconds.`);

const gapSchema = z
  .object({
    start: time('Start.'),
    end: time('End, excluded.'),
    kind: z.enum(['bridged', 'missing']),
    reason: z.enum([
      'further-apart',
      'no-longer-held',
      'before-first-reading',
      'after-last-reading',
      'no-reading',
    ]),
  })
  .meta({ id: 'Gap' });

export const coverageSchema = z
  .object({
    measured: seconds('Between readings no further apart than usual.'),
    bridged: seconds('Between readings further apart.'),
    missing: seconds('Where nothing is known.'),
    gaps: z.array(gapSchema),
  })
  .describe('What a figure rests on: the three add up to its range.')
  .meta({ id: 'Coverage' });

const roundingSchema = z
  .object({
    digits: z.number().int(),
    mode: z.enum(['half-even', 'half-up', 'down', 'up', 'floor', 'ceiling']),
  })
  .meta({ id: 'Rounding' });

export const figureSchema = z
  .object({
    start: time('Start, in the zone that was asked for.'),
    end: time('End, excluded.'),
    partial: z.boolean().describe('The period is cut off by the range.'),
    group: z
      .record(z.string(), z.string().nullable())
      .describe('`meter`, `source`, and the value of each key that was grouped by.'),
    type: z.string(),
    function: z.string(),
    value: decimal('Null where nothing is known.').nullable(),
    unit: z.string().nullable(),
    fraction: z.string().optional().describe('The exact value of one that was rounded, such as 1/3.'),
    rounding: roundingSchema.optional().describe('How `value` was rounded.'),
    opening: decimal('What a counter had counted at its first reading ever; not part of the value.').nullable(),
    apportioned: decimal('The part of the value that is shared with neighbouring periods by time.'),
    series: z.number().int(),
    samples: z.number().int(),
    epochs: z.number().int(),
    coverage: coverageSchema,
  })
  .meta({ id: 'Figure' });

export const figuresSchema = z
  .object({
    start: time('Start of the range, in the zone.'),
    end: time('End of the range, excluded.'),
    zone: z.string(),
    period: z.string().nullable().describe('The length of periods, as it was asked for.'),
    figures: z.array(figureSchema).describe('By group and period.'),
    totals: z
      .array(figureSchema)
      .describe('Of the whole range, one for each meter, source, type, unit and function.'),
  })
  .meta({ id: 'Figures' });

export const explainedSampleSchema = z
  .object({
    ...sampleFields,
    metadata,
    signature: signatureSchema,
    part: z
      .enum(['before', 'within', 'after'])
      .describe(
        '`before`: the last reading before the range, `after`: the first one after it. Both bound what was used within.',
      ),
  })
  .meta({ id: 'ExplainedSample' });

export const explanationSchema = z
  .object({
    figures: z
      .array(figureSchema)
      .describe('The figures that the samples make, one for each meter, source, type and unit.'),
    samples: z.array(explainedSampleSchema),
    signatures: z
      .record(z.string(), z.number().int())
      .describe('How many samples have a signature in each state.'),
  })
  .meta({ id: 'Explanation' });

export const problemSchema = z
  .looseObject({
    type: z
      .string()
      .describe(
        `\`about:blank\`, or \`urn:nephoscope:problem:\` and one of ${Object.keys(problemKinds).join(', ')}.`,
      ),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
  })
  .describe('Problem details after RFC 9457.')
  .meta({ id: 'Problem' });
