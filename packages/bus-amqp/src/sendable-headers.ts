/** Maximum length of AMQP's short string in bytes, such as a routing key, a content type or the name of a header. */
export const longestName = 255;

/**
 * Maximum size of all headers, as JSON: with our own they must fit into the library's buffer of 64 KiB, and into one
 * frame.
 */
const mostBytes = 32_768;
const deepest = 16;

/**
 * The part of a message's headers that can be sent again. Another program may have written what AMQP allows and the
 * library can read but not write, such as a timestamp beyond 2^53, or a name that is not UTF-8. This is left out, and
 * so are headers beyond the size limit.
 */
export function sendableHeaders(headers: unknown, limit = mostBytes): Readonly<Record<string, unknown>> {
  let bytes = 0;
  const table = sendableTable(headers, 0);
  return Object.fromEntries(
    Object.entries(table).filter(([name, value]) => {
      const size = Buffer.byteLength(JSON.stringify([name, value]));
      if (bytes + size > Math.min(limit, mostBytes)) return false;
      bytes += size;
      return true;
    }),
  );
}

/** Own properties only: the library turns a table named `__proto__` into the prototype of its parent. */
function sendableTable(value: unknown, depth: number): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => Buffer.byteLength(name) <= longestName)
      .map(([name, item]) => [name, sendable(item, depth + 1)])
      .filter(([, item]) => item !== undefined),
  );
}

/** Undefined if it cannot be sent. */
function sendable(value: unknown, depth: number): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return sendableNumber(value);
  if (typeof value !== 'object' || depth > deepest) return undefined;
  // `Buffer.isBuffer` is also true for objects that only have one as their prototype.
  if (ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value))
    return value.map((item) => sendable(item, depth + 1)).filter((item) => item !== undefined);
  if (!Object.hasOwn(value, '!')) return sendableTable(value, depth);
  return sendableMark(value as Mark);
}

/**
 * The library takes every number that it does not recognise as a fraction for a 64-bit integer. RabbitMQ cannot read
 * numbers that are not finite, and closes the connection.
 */
function sendableNumber(value: number): unknown {
  if (!Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? value : { '!': 'double', value };
}

/** The library's form of types that JavaScript does not have; another program's table may have this form by chance. */
interface Mark {
  readonly '!': unknown;
  readonly value?: unknown;
}

function sendableMark({ '!': type, value }: Mark): Mark | undefined {
  if (type === 'timestamp') return isIntegerBelow(value, 2 ** 64) ? { '!': type, value } : undefined;
  if (type !== 'decimal' || typeof value !== 'object' || value === null) return undefined;
  const { places, digits } = value as { readonly places?: unknown; readonly digits?: unknown };
  if (!isIntegerBelow(places, 256) || !isIntegerBelow(digits, 2 ** 32)) return undefined;
  return { '!': type, value: { places, digits } };
}

function isIntegerBelow(value: unknown, limit: number): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < limit;
}
