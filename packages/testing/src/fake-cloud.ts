import { NephoscopeError } from '@nephoscope/core';
import type { Metadata } from '@nephoscope/core';
import type { Cloud, CloudHead, CloudList, CloudService } from '@nephoscope/core/pollster';

export interface FakeCloudAnswers {
  /** Items by service type and path, such as `image /v2/images`; an error follows the items before it. */
  readonly lists?: Readonly<Record<string, readonly (Metadata | Error)[]>>;
  /** By service type and path or URL, such as `object-store http://swift.test/v1/AUTH_1`. */
  readonly heads?: Readonly<Record<string, CloudHead | Error>>;
  /** URLs by service type. */
  readonly endpoints?: Readonly<Record<string, string>>;
}

/** A cloud that answers with what a test gave it. Any other request is an error that names it. */
export class FakeCloud implements Cloud {
  /** Every request, in order. */
  readonly asked: (CloudList | { readonly service: CloudService; readonly path?: string })[] = [];
  readonly #answers: FakeCloudAnswers;

  constructor(answers: FakeCloudAnswers = {}) {
    this.#answers = answers;
  }

  async *list(list: CloudList): AsyncGenerator<Metadata, void, undefined> {
    this.asked.push(list);
    for (const item of answerTo(this.#answers.lists, `${list.service.type} ${list.path}`)) {
      if (item instanceof Error) throw item;
      yield item;
    }
  }

  async head(service: CloudService, path: string): Promise<CloudHead> {
    this.asked.push({ service, path });
    const answer = answerTo(this.#answers.heads, `${service.type} ${path}`);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async endpoint(service: CloudService): Promise<string> {
    this.asked.push({ service });
    return answerTo(this.#answers.endpoints, service.type);
  }
}

function answerTo<T>(answers: Readonly<Record<string, T>> | undefined, asked: string): T {
  if (answers === undefined || !Object.hasOwn(answers, asked)) {
    throw new NephoscopeError('FAKE_CLOUD', `the fake cloud was given no answer to '${asked}'`);
  }
  return answers[asked] as T;
}
