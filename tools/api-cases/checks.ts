import { isDeepStrictEqual } from 'node:util';

type Json = unknown;

/** Has either `text_contains`, or `at` with one of the others. */
export interface Check {
  readonly at?: readonly (string | number)[];
  readonly text_contains?: string;
  readonly count?: number;
  readonly equals?: Json;
  readonly like?: Json;
  readonly contains?: string;
  /** Each element matches this, and there is at least one. */
  readonly all?: Json;
  /** The same elements, in this order or in any order. */
  readonly list?: Json;
  readonly set?: readonly Json[];
  /** Each matches a different element, in any order; `only`: and there are no others. */
  readonly rows?: readonly Json[];
  readonly only?: boolean;
}

/** The problem of the reply; undefined if there is none. */
export function problemOf(check: Check, text: string): string | undefined {
  if (check.text_contains !== undefined)
    return text.includes(check.text_contains) ? undefined : `the text lacks ${check.text_contains}: ${text}`;
  const { at = [] } = check;
  const isMany = at.includes('[]');
  const found = at.reduce<readonly Json[]>(step, [JSON.parse(text) as Json]);
  const value = isMany ? found : found[0];
  return holds(check, value, isMany) ? undefined : `at /${at.join('/')}: ${shown(value)} is not ${shown(check)}`;
}

function step(values: readonly Json[], key: string | number): readonly Json[] {
  return key === '[]'
    ? values.flatMap((value) => (Array.isArray(value) ? (value as readonly Json[]) : []))
    : values.map((value) =>
        isObject(value) ? (value as Readonly<Record<string | number, Json>>)[key] : undefined,
      );
}

function holds(check: Check, value: Json, isMany: boolean): boolean {
  const items = Array.isArray(value) ? (value as readonly Json[]) : undefined;
  if (check.count !== undefined) return items?.length === check.count;
  if ('equals' in check) return isSame(value, check.equals);
  if ('like' in check) return isLike(value, check.like);
  if (check.contains !== undefined)
    return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).includes(check.contains);
  if ('all' in check) {
    const each = isMany ? (items ?? []) : [value];
    return each.length > 0 && each.every((item) => isLike(item, check.all));
  }
  if ('list' in check) return isSame(value, check.list);
  if (check.set !== undefined) {
    const { set } = check;
    const each = items ?? [value];
    return (
      each.every((item) => set.some((other) => isSame(item, other))) &&
      set.every((other) => each.some((item) => isSame(item, other)))
    );
  }
  if (check.rows === undefined) throw new Error(`no such check: ${shown(check)}`);
  if (items === undefined || (check.only === true && items.length !== check.rows.length)) return false;
  return hasEach(items, check.rows);
}

/** Whether each row matches a different element. */
function hasEach(items: readonly Json[], [row, ...others]: readonly Json[]): boolean {
  if (row === undefined) return true;
  return items.some((item, at) => isLike(item, row) && hasEach(items.toSpliced(at, 1), others));
}

/** Objects may have additional members. */
function isLike(value: Json, wanted: Json): boolean {
  const special = isSpecial(value, wanted);
  if (special !== undefined) return special;
  if (Array.isArray(wanted))
    return (
      Array.isArray(value) && value.length === wanted.length && wanted.every((item, at) => isLike(value[at], item))
    );
  if (!isObject(wanted)) return isDeepStrictEqual(value, wanted);
  const members = isObject(value) ? (value as Readonly<Record<string, Json>>) : undefined;
  return members !== undefined && Object.entries(wanted).every(([key, item]) => isLike(members[key], item));
}

function isSame(value: Json, wanted: Json): boolean {
  const special = isSpecial(value, wanted);
  if (special !== undefined) return special;
  if (!Array.isArray(wanted)) return isDeepStrictEqual(value, wanted);
  return (
    Array.isArray(value) && value.length === wanted.length && wanted.every((item, at) => isSame(value[at], item))
  );
}

function isSpecial(value: Json, wanted: Json): boolean | undefined {
  if (!isObject(wanted)) return undefined;
  const special = wanted as Readonly<Record<string, Json>>;
  if ('$instant' in special) return instantOf(value) === instantOf(special['$instant']);
  if ('$not_later' in special) return instantOf(value) <= instantOf(special['$not_later']);
  if ('$not_earlier' in special) return instantOf(value) >= instantOf(special['$not_earlier']);
  if ('$approx' in special)
    return (
      typeof value === 'number' && Math.abs(value - Number(special['$approx'])) <= Number(special['tolerance'])
    );
  if ('$contains' in special) return typeof value === 'string' && value.includes(String(special['$contains']));
  if ('$absent' in special) return value === undefined;
  if ('$present' in special) return value !== undefined && value !== null && value !== '';
  return undefined;
}

/** In ms; UTC if there is no time zone. */
function instantOf(value: Json): number {
  const text = String(value).replace(' ', 'T');
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}

function isObject(value: Json): value is object {
  return typeof value === 'object' && value !== null;
}

function shown(value: Json): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 1_000);
}
