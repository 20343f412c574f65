import type { ResourceSummary, Sample, SampleFilter } from '@nephoscope/core/sample-store';
import { readFigures } from '@nephoscope/statistics';
import type { Figures, Interval } from '@nephoscope/statistics';
import { z } from 'zod';

import { csvLine } from '../csv.js';
import { figureText, rangeOf, rangeShape } from './figures.js';
import { Problem } from './problem.js';
import { selectionOf, selectionShape } from './queries.js';
import { inRows, mediaTypes, route } from './route.js';
import type { Asked } from './route.js';
import { cellsOf, sampleText, signatureOf } from './samples.js';
import { explainedSampleSchema, explanationSchema, sampleColumns } from './schemas.js';

/** A reply of JSON with more is a file rather than an explanation: those are CSV and NDJSON. */
const mostSamples = 20_000;

type Part = z.output<typeof explainedSampleSchema>['part'];
type ResourceMeter = ResourceSummary['meters'][number];

interface Explained {
  readonly sample: Sample;
  readonly part: Part;
}

const query = z.object({
  ...selectionShape,
  meter: z
    .array(z.string().max(10_000))
    .min(1)
    .max(1_000)
    .describe('Name of a meter. May be repeated: one of them.'),
  ...rangeShape,
});

export const explain = route({
  path: '/v3/explain',
  operationId: 'explainFigure',
  summary: 'Why this figure',
  description:
    'The samples that figures of `/v3/usage` rest on, with the state of their signatures: those within the range, and of each series the last one before it and the first one after it, as far as the caller may see them. JSON has the figures, too; CSV and NDJSON have the samples alone.',
  query,
  reply: explanationSchema,
  row: explainedSampleSchema,
  columns: `\`${sampleColumns.join('`, `')}\`, \`part\`, \`signature\``,
  async answer(asked, given) {
    const { reader, signal, verifier, format } = asked;
    const range = rangeOf(given);
    const selection = selectionOf(given, asked.scope);
    const within: SampleFilter = { ...selection, ...range };
    if (format !== 'json')
      return inRows(format, {
        items: explainedSamples(asked, selection, range),
        head: [...sampleColumns, 'part', 'signature'],
        csv: ({ sample, part }) => csvLine([...cellsOf(sample), part, signatureOf(sample, verifier).state]),
        json: ({ sample, part }) => sampleText(sample, signatureOf(sample, verifier), { part }),
      });
    const size = (await reader.meters(within, signal)).reduce((sum, { samples }) => sum + samples, 0);
    if (size > mostSamples)
      throw new Problem(
        'query-too-large',
        `the figures rest on ${size} samples, and ${mostSamples} are the most in JSON: ask for a shorter range or fewer resources, or for text/csv or application/x-ndjson`,
        { size, limit: mostSamples },
      );
    const groupBy = ['meter', 'source', 'type', 'unit'] as const;
    const figures = await readFigures(reader, selection, { ...range, groupBy }, signal);
    return { type: mediaTypes.json, parts: textOf(asked, figures, given.zone, selection, range) };
  },
});

async function* textOf(
  asked: Asked,
  { figures }: Figures,
  zone: string,
  selection: SampleFilter,
  range: Interval,
): AsyncGenerator<string> {
  const states: Record<string, number> = {};
  let text = `{"figures":[${figures.map((one) => figureText(one, zone, ['meter', 'source'])).join(',')}],"samples":[`;
  let isFirst = true;
  for await (const { sample, part } of explainedSamples(asked, selection, range)) {
    const signature = signatureOf(sample, asked.verifier);
    states[signature.state] = (states[signature.state] ?? 0) + 1;
    text += (isFirst ? '' : ',') + sampleText(sample, signature, { part });
    isFirst = false;
    if (text.length < 65_536) continue;
    yield text;
    text = '';
  }
  yield `${text}],"signatures":${JSON.stringify(states)}}`;
}

/** Of one series after the other. What only another project may see is left out, though figures rest on its readings, too. */
async function* explainedSamples(
  { reader, scope, signal }: Asked,
  selection: SampleFilter,
  { start, end }: Interval,
): AsyncGenerator<Explained> {
  for await (const { resourceId, meters } of reader.resources({ ...selection, start, end }, signal))
    for (const series of seriesOf(meters)) {
      const all: SampleFilter = {
        scope,
        resources: [resourceId],
        meters: [series.name],
        sources: [series.source],
      };
      for await (const sample of reader.samples({ ...all, end: start, newestFirst: true, limit: 1 }, signal))
        yield { sample, part: 'before' };
      const { projects, users } = selection;
      for await (const sample of reader.samples({ ...all, projects, users, start, end }, signal))
        yield { sample, part: 'within' };
      for await (const sample of reader.samples({ ...all, start: end, limit: 1 }, signal))
        yield { sample, part: 'after' };
    }
}

/** A meter in two units is read once. */
function seriesOf(meters: readonly ResourceMeter[]): readonly Pick<ResourceMeter, 'name' | 'source'>[] {
  return [
    ...new Map(meters.map(({ name, source }) => [JSON.stringify([name, source]), { name, source }])).values(),
  ];
}
