import type { Sample, SampleFilter } from '@nephoscope/core/sample-store';
import { JsonNumber, formatJson, isJsonObject } from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';
import { z } from 'zod';

import type { Asked } from './asked.js';
import { compare, complexFilter, fieldNamed } from './complex-filter.js';
import { valueOfBody } from './body.js';
import { badRequest, invalidInput, shown, unknownArgument } from './fault.js';
import { limitMistake, refuseOthers } from './parameters.js';
import { moreHeader } from './reply.js';
import type { Reply } from './reply.js';
import { newSample } from './samples.js';

/** The maximum number of samples that are sorted. */
const longestList = 100_000;

const bodySchema = z.strictObject({
  filter: z.string().nullish(),
  orderby: z.string().nullish(),
  limit: z
    .union([z.instanceof(JsonNumber).transform(({ text }) => text), z.string()])
    .transform((text, context) => {
      const message = limitMistake(text.trim(), longestList);
      if (message === undefined) return Number(text);
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .nullish(),
});

/** Samples that are equal in this order, and have the same time, are returned in the order of recording, the last first. */
type Order = (one: Sample, other: Sample) => number;

/** `POST /v2/query/samples`. Reads samples from the newest on, and keeps as many as requested. */
export async function complexQuery(asked: Asked): Promise<Reply> {
  const { reader, scope, options, signal } = asked;
  refuseOthers(asked.parameters, []);
  const data = bodyOf(asked);
  const filter = isGiven(data.filter) ? complexFilter(data.filter, scope) : undefined;
  const order = isGiven(data.orderby) ? orderOf(data.orderby) : undefined;
  const limit = data.limit ?? options.defaultLimit;
  const query: SampleFilter = { scope, ...filter?.narrowed };
  let found: Sample[] = [];
  let isCut = false;
  for await (const sample of reader.samples({ ...query, newestFirst: true }, signal)) {
    if (filter?.holds(sample) === false) continue;
    if (order === undefined && found.length === limit) {
      isCut = true;
      break;
    }
    found.push(sample);
    if (order !== undefined && found.length > 2 * limit) found = found.sort(order).slice(0, limit + 1);
  }
  if (order !== undefined) {
    found.sort(order);
    isCut = found.length > limit;
  }
  const kept = found.slice(0, limit);
  async function* texts() {
    for (const sample of kept) yield await Promise.resolve(newSample(sample));
  }
  return { items: texts(), headers: isCut ? moreHeader : {} };
}

function bodyOf({ body }: Asked): z.output<typeof bodySchema> {
  const value = body === undefined ? new Map<string, JsonValue>() : valueOfBody(body, 'object');
  if (!isJsonObject(value)) throw badRequest('Request must be a JSON dict');
  const { success, data, error } = bodySchema.safeParse(Object.fromEntries(value));
  if (success) return data;
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys')
    throw unknownArgument(issue.keys.join(', '), 'valid arguments: filter, orderby, limit');
  const name = String(issue?.path[0] ?? 'data');
  const given = value.get(name) ?? null;
  throw invalidInput(name, formatJson(given), issue?.message ?? '');
}

function isGiven(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text !== '';
}

const orderSchema = z.array(z.record(z.string(), z.string())).min(1);

const signs: ReadonlyMap<string, number> = new Map([
  ['asc', 1],
  ['desc', -1],
]);

/** @throws 400 */
function orderOf(text: string): Order {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalidOrder('it is not JSON');
  }
  const { success, data } = orderSchema.safeParse(json);
  if (!success) throw invalidOrder('it is an array of objects with a field and asc or desc');
  const parts = data.map((part) => {
    const [entry, ...others] = Object.entries(part);
    if (entry === undefined || others.length > 0) throw invalidOrder('each object has one field');
    const [name, direction] = entry;
    const valueOf = fieldNamed(name);
    if (valueOf === undefined) throw invalidOrder(`there is no field '${shown(name)}' to order by`);
    const sign = signs.get(direction.toLowerCase());
    if (sign === undefined) throw invalidOrder(`'${shown(direction)}' is neither asc nor desc`);
    return (one: Sample, other: Sample) => sign * compared(valueOf(one), valueOf(other));
  });
  return (one, other) => parts.reduce((order, part) => (order === 0 ? part(one, other) : order), 0);
}

type Value = ReturnType<NonNullable<ReturnType<typeof fieldNamed>>>;

/** Samples without a value come first. */
function compared(one: Value, other: Value): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  return compare(one, other) ?? 0;
}

function invalidOrder(reason: string) {
  return badRequest(`Order-by expression not valid: ${reason}`);
}
