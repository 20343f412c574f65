import { FakeCloud } from './fake-cloud.js';
import { configOf, sessionOf } from './support.js';

/** A recorded listing of glance in three pages, and its second page. */
export const images = { service: { type: 'image' }, path: '/v2/images', key: 'images', query: { limit: '3' } };
export const glance = ['glance.images.limit3.page1', 'glance.images.limit3.page2', 'glance.images.limit3.page3'];
export const second = 'GET /v2/images?limit=3&marker=b393d877-d552-4136-b755-7df179493a72';
export const project = 'fa1d1e99a9254764b3cfc3d5428be624';
export const signal = new AbortController().signal;

/** The cloud of the test, once it is connected. */
export let cloud: FakeCloud;
const sessions: ReturnType<typeof sessionOf>[] = [];

/** A session with a cloud that returns the recorded responses. */
export async function connect(
  recordings: readonly string[],
  changes: Parameters<typeof configOf>[1] = {},
  timeLimit?: number,
) {
  cloud = await FakeCloud.start(...recordings);
  return again(changes, timeLimit);
}

/** A second session with the same cloud. */
export function again(changes: Parameters<typeof configOf>[1] = {}, timeLimit?: number) {
  const made = sessionOf(configOf(cloud, changes), timeLimit);
  sessions.push(made);
  return made;
}

afterEach(async () => {
  for (const { session } of sessions.splice(0)) await session.close();
  await cloud.stop();
});
