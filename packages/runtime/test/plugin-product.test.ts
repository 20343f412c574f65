import { checkProduct } from '../src/plugin-product.js';

const create = () => ({ getCounters: () => [] });

it.each([
  ['nothing', undefined, /'getCounters'/],
  ['null', null, /'getCounters'/],
  ['a number', 5, /'getCounters'/],
  ['an object without it', {}, /'getCounters'/],
  ['a promise', Promise.resolve(create()), /a promise/],
])('refuses that create() returns %s', (_, product, says) => {
  expect(() => checkProduct(product, 'poll.compute')).toThrow(says);
  checkProduct(create(), 'poll.compute');
});
