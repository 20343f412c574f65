import { acceptedType } from '../src/ceilometer/media-type.js';

it.each([
  [undefined, 'application/json'],
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['application/json,application/xml', 'application/json'],
  ['application/xml,application/json', 'application/json'],
  ['application/xml', 'application/xml'],
  ['text/xml', 'text/xml'],
  ['text/*', 'text/xml'],
  ['application/xml,*/*', 'application/xml'],
  ['application/json;q=0.8,application/xml', 'application/xml'],
  ['application/json;q=0.8 \\,application/xml', 'application/xml'],
  ['application/xml;q=0.8, application/json', 'application/json'],
  ['text/html,*/*;q=0.1', 'application/json'],
  ['application/json;q=0,*/*', 'application/xml'],
  ['text/html', undefined],
  ['application/json;q=0', undefined],
])('for Accept: %s it is %s', (accept, type) => {
  expect(acceptedType(accept)).toBe(type);
});
