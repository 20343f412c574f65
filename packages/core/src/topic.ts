/**
 * Whether a topic exchange's binding matches a routing key, as defined by AMQP 0-9-1: of words separated by dots, `*`
 * matches one and `#` any number.
 */
export function isBoundBy(pattern: string, routingKey: string): boolean {
  return takes(pattern.split('.'), routingKey.split('.'));
}

function takes([first, ...rest]: readonly string[], words: readonly string[]): boolean {
  if (first === undefined) return words.length === 0;
  if (first === '#') return takes(rest, words) || (words.length > 0 && takes(['#', ...rest], words.slice(1)));
  return words.length > 0 && (first === '*' || first === words[0]) && takes(rest, words.slice(1));
}
