import { checkProduct } from '../src/plugin-product.js';

const create = () => ({ getCounters: () => [] });

it.each([
  ['nothing', undefined, /'getCounters'/],
  ['null', null, /'getCounters'/],
  ['a number', 5, /'getCounters'/],
  ['an object without the method', {}, /'getCounters'/],
  ['a promise', Promise.resolve(create()), /a promise/],
])('refuses %s from create()', (_, product, says) => {
  expect(() => checkProduct(product, 'poll.compute')).toThrow(says);
  checkProduct(create(), 'poll.compute');
});
