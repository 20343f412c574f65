import type { Latest } from './latest.js';

// https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md, and Prometheus' older text format:
// https://prometheus.io/docs/instrumenting/exposition_formats/

export type Format = 'openmetrics' | 'text';

export const mediaTypes: Readonly<Record<Format, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  text: 'text/plain; version=0.0.4; charset=utf-8',
};

interface Family {
  readonly name: string;
  readonly type: string;
  readonly series: Latest[];
}

/** All series, by families: each has a name and a type. */
export async function* exposition(series: readonly Latest[], format: Format): AsyncGenerator<string> {
  for (const { name, type, series: some } of familiesOf(series)) {
    const shownType = type === 'cumulative' ? 'counter' : type === 'gauge' ? 'gauge' : unknownType[format];
    // In the older format the name of a counter's family is that of its samples.
    const family = type === 'cumulative' && format === 'text' ? `${name}_total` : name;
    let text = `# TYPE ${family} ${shownType}\n`;
    for (const latest of some) text += lines(name, type, latest, format);
    yield await Promise.resolve(text);
  }
  if (format === 'openmetrics') yield '# EOF\n';
}

/** The amount since the sample before, which Prometheus has no type for. */
const unknownType: Readonly<Record<Format, string>> = { openmetrics: 'unknown', text: 'untyped' };

function familiesOf(series: readonly Latest[]): readonly Family[] {
  const families = new Map<string, Family>();
  for (const latest of series) {
    const { meter, type } = latest.sample;
    const plain = `nephoscope_${meter.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`;
    // A name has one type.
    const name = [plain, `${plain}_${type}`].find((one) => (families.get(one)?.type ?? type) === type) ?? plain;
    const family = families.get(name) ?? { name, type, series: [] };
    families.set(name, family);
    family.series.push(latest);
  }
  return [...families.values()];
}

function lines(name: string, type: string, { sample, createdAfter }: Latest, format: Format): string {
  const { meter, resourceId, projectId, userId, source, unit } = sample;
  const labels = Object.entries({
    ...{ meter, resource_id: resourceId, project_id: projectId, user_id: userId, source, unit },
  })
    // An empty label is the same as none.
    .filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== '')
    .map(([label, value]) => `${label}="${escaped(value)}"`)
    .join(',');
  const time = format === 'openmetrics' ? seconds(sample.timestamp) : String(sample.timestamp / 1_000_000n);
  if (type !== 'cumulative') return `${name}{${labels}} ${sample.volume} ${time}\n`;
  // Lines of one point have the same time.
  const created =
    createdAfter === undefined || format === 'text'
      ? ''
      : `${name}_created{${labels}} ${seconds(createdAfter)} ${time}\n`;
  return `${name}_total{${labels}} ${sample.volume} ${time}\n${created}`;
}

function escaped(text: string): string {
  return text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/** With all digits. */
function seconds(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const digits = String(nanoseconds < 0n ? -nanoseconds : nanoseconds).padStart(10, '0');
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
