// Generated from the API's document by `npm run docs`: do not edit.

export interface paths {
  '/v3/samples': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Samples
     * @description Recorded samples, the newest first. The pages of one query are one state of the store: what is recorded meanwhile changes none of them.
     */
    get: operations['listSamples'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/samples/{message_id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * One sample
     * @description A sample with the message that it came in.
     */
    get: operations['getSample'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/resources': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Resources
     * @description What has samples, by id, with its owners, meters and latest metadata. Only samples that match count: with `start` and `end`, times and metadata are those of that time.
     */
    get: operations['listResources'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/resources/{resource_id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * One resource
     * @description A resource with its owners, meters and latest metadata.
     */
    get: operations['getResource'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/resources/{resource_id}/history': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * History of a resource
     * @description Owners, flavors, hosts and statuses of a resource, from its samples in the order of time: a new state begins with the first sample that says something else. What a sample does not say is as it was before. With `start` and `end`, only of that time.
     */
    get: operations['getResourceHistory'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/meters': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Meters
     * @description Meters by name, type and unit, with how many resources and samples have them.
     */
    get: operations['listMeters'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/projects': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Projects
     * @description Projects by id; null stands for samples without a project.
     */
    get: operations['listProjects'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/usage': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Use
     * @description How much was used: what cumulative meters gained, the sum of deltas, the amount (value × hours) of gauges. Figures are exact and say how much of their time is known.
     */
    get: operations['getUsage'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/statistics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Statistics
     * @description Any function of meters, exact, by period and group, with coverage.
     */
    get: operations['getStatistics'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v3/explain': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Why this figure
     * @description The samples that figures of `/v3/usage` rest on, with the state of their signatures: those within the range, and of each series the last one before it and the first one after it, as far as the caller may see them. JSON has the figures, too; CSV and NDJSON have the samples alone.
     */
    get: operations['explainFigure'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /** @description Problem details after RFC 9457. */
    Problem: {
      /** @description `about:blank`, or `urn:nephoscope:problem:` and one of invalid-parameters, invalid-cursor, not-found, not-acceptable, refused, query-too-large. */
      type: string;
      title: string;
      status: number;
      detail: string;
    } & {
      [key: string]: unknown;
    };
    SamplePage: {
      samples: components['schemas']['Sample'][];
      /** @description The `cursor` of the next page; null: this is the last one. */
      next: string | null;
    };
    /** @description A recorded sample. The time of recording is not kept. */
    Sample: {
      /** @description Identifies the message; recorded once. */
      message_id: string;
      /**
       * Format: date-time
       * @description When it was read, in UTC, with up to nine digits of a second.
       */
      timestamp: string;
      /** @description The system that it comes from. */
      source: string;
      /** @description Name of the meter. */
      meter: string;
      /** @description `cumulative`, `delta` or `gauge`. */
      type: string;
      unit: string | null;
      /** @description What was read. Decimal text, with all of its digits. */
      volume: string;
      project_id: string | null;
      user_id: string | null;
      /** @description What it was read of. */
      resource_id: string;
      epoch: string | null;
      publisher_id: string | null;
      sequence: string | null;
      /** @description `resource_metadata` as received; numbers in it may have more digits than a double holds. */
      metadata: {
        [key: string]: unknown;
      } | null;
      signature: components['schemas']['Signature'];
    };
    /** @description Whether the stored message still bears its signature, and the stored figures are those of the message. `not-checked`: the API has no secrets, or was not asked to check. */
    Signature: {
      /** @enum {string} */
      state:
        | 'verified'
        | 'unsigned'
        | 'signature-wrong'
        | 'signature-malformed'
        | 'scheme-unknown'
        | 'form-unknown'
        | 'form-refused'
        | 'columns-differ'
        | 'unreadable'
        | 'not-checked';
      /** @description The form of a signature that was verified. */
      form: ('canonical' | 'ceilometer') | null;
      /** @description Why the sample is not verified, in a sentence. */
      reason: string | null;
    };
    SampleWithMessage: {
      /** @description Identifies the message; recorded once. */
      message_id: string;
      /**
       * Format: date-time
       * @description When it was read, in UTC, with up to nine digits of a second.
       */
      timestamp: string;
      /** @description The system that it comes from. */
      source: string;
      /** @description Name of the meter. */
      meter: string;
      /** @description `cumulative`, `delta` or `gauge`. */
      type: string;
      unit: string | null;
      /** @description What was read. Decimal text, with all of its digits. */
      volume: string;
      project_id: string | null;
      user_id: string | null;
      /** @description What it was read of. */
      resource_id: string;
      epoch: string | null;
      publisher_id: string | null;
      sequence: string | null;
      /** @description `resource_metadata` as received; numbers in it may have more digits than a double holds. */
      metadata: {
        [key: string]: unknown;
      } | null;
      signature: components['schemas']['Signature'];
      /** @description The message as received, character by character, for who checks it elsewhere. */
      message: string;
    };
    ResourcePage: {
      resources: components['schemas']['Resource'][];
      /** @description The `cursor` of the next page; null: this is the last one. */
      next: string | null;
    };
    Resource: {
      resource_id: string;
      /** @description Of its latest sample, as are user, source and metadata. */
      project_id: string | null;
      user_id: string | null;
      source: string;
      /**
       * Format: date-time
       * @description Of the first sample.
       */
      first_timestamp: string;
      /**
       * Format: date-time
       * @description Of the last sample.
       */
      last_timestamp: string;
      /** @description In the order of their first samples. */
      owners: components['schemas']['Owner'][];
      meters: components['schemas']['ResourceMeter'][];
      /** @description `resource_metadata` as received; numbers in it may have more digits than a double holds. */
      metadata: {
        [key: string]: unknown;
      } | null;
    };
    /** @description An owner, and the first and last sample that names it. */
    Owner: {
      project_id: string | null;
      user_id: string | null;
      /**
       * Format: date-time
       * @description Of the first sample.
       */
      first_timestamp: string;
      /**
       * Format: date-time
       * @description Of the last sample.
       */
      last_timestamp: string;
    };
    ResourceMeter: {
      name: string;
      type: string;
      unit: string | null;
      source: string;
      /**
       * Format: date-time
       * @description Of the first sample.
       */
      first_timestamp: string;
      /**
       * Format: date-time
       * @description Of the last sample.
       */
      last_timestamp: string;
    };
    ResourceHistory: {
      resource_id: string;
      states: components['schemas']['ResourceState'][];
    };
    /** @description What samples said of the resource, until one said something else. */
    ResourceState: {
      /**
       * Format: date-time
       * @description Of the first sample.
       */
      first_timestamp: string;
      /**
       * Format: date-time
       * @description Of the last sample.
       */
      last_timestamp: string;
      /** @description How many samples said this, one after the other. */
      samples: number;
      project_id: string | null;
      user_id: string | null;
      /** @description `flavor.name` of the metadata, else `instance_type`. */
      flavor: string | null;
      /** @description `host` of the metadata, else `instance_host`. */
      host: string | null;
      /** @description `status` of the metadata, else `state`. */
      status: string | null;
    };
    Meters: {
      meters: components['schemas']['Meter'][];
    };
    Meter: {
      name: string;
      type: string;
      unit: string | null;
      resources: number;
      samples: number;
    };
    Projects: {
      projects: components['schemas']['Project'][];
    };
    Project: {
      project_id: string | null;
      resources: number;
      /**
       * Format: date-time
       * @description Of the first sample.
       */
      first_timestamp: string;
      /**
       * Format: date-time
       * @description Of the last sample.
       */
      last_timestamp: string;
    };
    Figures: {
      /**
       * Format: date-time
       * @description Start of the range, in the zone.
       */
      start: string;
      /**
       * Format: date-time
       * @description End of the range, excluded.
       */
      end: string;
      zone: string;
      /** @description The length of periods, as it was asked for. */
      period: string | null;
      /** @description By group and period. */
      figures: components['schemas']['Figure'][];
      /** @description Of the whole range, one for each meter, source, type, unit and function. */
      totals: components['schemas']['Figure'][];
    };
    Figure: {
      /**
       * Format: date-time
       * @description Start, in the zone that was asked for.
       */
      start: string;
      /**
       * Format: date-time
       * @description End, excluded.
       */
      end: string;
      /** @description The period is cut off by the range. */
      partial: boolean;
      /** @description `meter`, `source`, and the value of each key that was grouped by. */
      group: {
        [key: string]: string | null;
      };
      type: string;
      function: string;
      value: string | null;
      unit: string | null;
      /** @description The exact value of one that was rounded, such as 1/3. */
      fraction?: string;
      /** @description How `value` was rounded. */
      rounding?: components['schemas']['Rounding'];
      opening: string | null;
      /** @description The part of the value that is shared with neighbouring periods by time. Decimal text, with all of its digits. */
      apportioned: string;
      series: number;
      samples: number;
      epochs: number;
      coverage: components['schemas']['Coverage'];
    };
    Rounding: {
      digits: number;
      /** @enum {string} */
      mode: 'half-even' | 'half-up' | 'down' | 'up' | 'floor' | 'ceiling';
    };
    /** @description What a figure rests on: the three add up to its range. */
    Coverage: {
      /** @description Between readings no further apart than usual. In seconds. Decimal text, with all of its digits. */
      measured: string;
      /** @description Between readings further apart. In seconds. Decimal text, with all of its digits. */
      bridged: string;
      /** @description Where nothing is known. In seconds. Decimal text, with all of its digits. */
      missing: string;
      gaps: components['schemas']['Gap'][];
    };
    Gap: {
      /**
       * Format: date-time
       * @description Start.
       */
      start: string;
      /**
       * Format: date-time
       * @description End, excluded.
       */
      end: string;
      /** @enum {string} */
      kind: 'bridged' | 'missing';
      /** @enum {string} */
      reason: 'further-apart' | 'no-longer-held' | 'before-first-reading' | 'after-last-reading' | 'no-reading';
    };
    FigureLine: {
      /**
       * Format: date-time
       * @description Start, in the zone that was asked for.
       */
      start: string;
      /**
       * Format: date-time
       * @description End, excluded.
       */
      end: string;
      /** @description The period is cut off by the range. */
      partial: boolean;
      /** @description `meter`, `source`, and the value of each key that was grouped by. */
      group: {
        [key: string]: string | null;
      };
      type: string;
      function: string;
      value: string | null;
      unit: string | null;
      /** @description The exact value of one that was rounded, such as 1/3. */
      fraction?: string;
      /** @description How `value` was rounded. */
      rounding?: components['schemas']['Rounding'];
      opening: string | null;
      /** @description The part of the value that is shared with neighbouring periods by time. Decimal text, with all of its digits. */
      apportioned: string;
      series: number;
      samples: number;
      epochs: number;
      coverage: components['schemas']['Coverage'];
      /**
       * @description Of the whole range; not in CSV.
       * @constant
       */
      total?: true;
    };
    Explanation: {
      /** @description The figures that the samples make, one for each meter, source, type and unit. */
      figures: components['schemas']['Figure'][];
      samples: components['schemas']['ExplainedSample'][];
      /** @description How many samples have a signature in each state. */
      signatures: {
        [key: string]: number;
      };
    };
    ExplainedSample: {
      /** @description Identifies the message; recorded once. */
      message_id: string;
      /**
       * Format: date-time
       * @description When it was read, in UTC, with up to nine digits of a second.
       */
      timestamp: string;
      /** @description The system that it comes from. */
      source: string;
      /** @description Name of the meter. */
      meter: string;
      /** @description `cumulative`, `delta` or `gauge`. */
      type: string;
      unit: string | null;
      /** @description What was read. Decimal text, with all of its digits. */
      volume: string;
      project_id: string | null;
      user_id: string | null;
      /** @description What it was read of. */
      resource_id: string;
      epoch: string | null;
      publisher_id: string | null;
      sequence: string | null;
      /** @description `resource_metadata` as received; numbers in it may have more digits than a double holds. */
      metadata: {
        [key: string]: unknown;
      } | null;
      signature: components['schemas']['Signature'];
      /**
       * @description `before`: the last reading before the range, `after`: the first one after it. Both bound what was used within.
       * @enum {string}
       */
      part: 'before' | 'within' | 'after';
    };
  };
  responses: {
    /** @description A parameter cannot be used. */
    400: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Nobody known asks. */
    401: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Whoever asks may not. */
    403: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description There is no such thing, or the caller may not see it. */
    404: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description The reply has no form that the request accepts. */
    406: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description The question has no meaningful answer, or one that is too large. */
    422: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description Too many requests. */
    429: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
    /** @description The database is away; `Retry-After` says when to ask again. */
    503: {
      headers: {
        [name: string]: unknown;
      };
      content: {
        'application/problem+json': components['schemas']['Problem'];
      };
    };
  };
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  listSamples: {
    parameters: {
      query?: {
        /** @description Id of a project. Without a value: samples that have none. May be repeated: one of them. */
        project?: string[];
        /** @description Id of a user. Without a value: samples that have none. May be repeated: one of them. */
        user?: string[];
        /** @description Id of a resource. May be repeated: one of them. */
        resource?: string[];
        /** @description Name of a meter. May be repeated: one of them. */
        meter?: string[];
        /** @description Name of a source. May be repeated: one of them. */
        source?: string[];
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
        /** @description A condition on metadata: a key, one of `= != < <= > >=`, and a value, such as `flavor.name=m1.small`. Numbers, `true` and `false` are compared as such, unless they are in double quotes. May be repeated: all of them. */
        where?: string[];
        /** @description Which samples come first. */
        order?: 'newest' | 'oldest';
        /** @description Whether signatures are checked: `true` by default in a page of JSON, `false` in CSV and NDJSON. */
        signatures?: 'true' | 'false';
        /** @description Items of a page, at most 1000. Without it, JSON has pages of 100, and CSV and NDJSON have everything. */
        limit?: number;
        /** @description `next` of the page before, of the same query. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Samples */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          /** @description Leads to the next page. */
          link?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SamplePage'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  getSample: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Id of its message. */
        message_id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description One sample */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SampleWithMessage'];
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      404: components['responses']['404'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  listResources: {
    parameters: {
      query?: {
        /** @description Id of a project. Without a value: samples that have none. May be repeated: one of them. */
        project?: string[];
        /** @description Id of a user. Without a value: samples that have none. May be repeated: one of them. */
        user?: string[];
        /** @description Id of a resource. May be repeated: one of them. */
        resource?: string[];
        /** @description Name of a meter. May be repeated: one of them. */
        meter?: string[];
        /** @description Name of a source. May be repeated: one of them. */
        source?: string[];
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
        /** @description A condition on metadata: a key, one of `= != < <= > >=`, and a value, such as `flavor.name=m1.small`. Numbers, `true` and `false` are compared as such, unless they are in double quotes. May be repeated: all of them. */
        where?: string[];
        /** @description Items of a page, at most 1000. Without it, JSON has pages of 100, and CSV and NDJSON have everything. */
        limit?: number;
        /** @description `next` of the page before, of the same query. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Resources */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          /** @description Leads to the next page. */
          link?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ResourcePage'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  getResource: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Id of the resource. */
        resource_id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description One resource */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Resource'];
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      404: components['responses']['404'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  getResourceHistory: {
    parameters: {
      query?: {
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
      };
      header?: never;
      path: {
        /** @description Id of the resource. */
        resource_id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description History of a resource */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ResourceHistory'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      404: components['responses']['404'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  listMeters: {
    parameters: {
      query?: {
        /** @description Id of a project. Without a value: samples that have none. May be repeated: one of them. */
        project?: string[];
        /** @description Id of a user. Without a value: samples that have none. May be repeated: one of them. */
        user?: string[];
        /** @description Id of a resource. May be repeated: one of them. */
        resource?: string[];
        /** @description Name of a meter. May be repeated: one of them. */
        meter?: string[];
        /** @description Name of a source. May be repeated: one of them. */
        source?: string[];
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
        /** @description A condition on metadata: a key, one of `= != < <= > >=`, and a value, such as `flavor.name=m1.small`. Numbers, `true` and `false` are compared as such, unless they are in double quotes. May be repeated: all of them. */
        where?: string[];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Meters */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Meters'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  listProjects: {
    parameters: {
      query?: {
        /** @description Id of a project. Without a value: samples that have none. May be repeated: one of them. */
        project?: string[];
        /** @description Id of a user. Without a value: samples that have none. May be repeated: one of them. */
        user?: string[];
        /** @description Id of a resource. May be repeated: one of them. */
        resource?: string[];
        /** @description Name of a meter. May be repeated: one of them. */
        meter?: string[];
        /** @description Name of a source. May be repeated: one of them. */
        source?: string[];
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
        /** @description A condition on metadata: a key, one of `= != < <= > >=`, and a value, such as `flavor.name=m1.small`. Numbers, `true` and `false` are compared as such, unless they are in double quotes. May be repeated: all of them. */
        where?: string[];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Projects */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Projects'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  getUsage: {
    parameters: {
      query?: {
        /** @description Id of a project. Without a value: samples that have none. May be repeated: one of them. */
        project?: string[];
        /** @description Id of a user. Without a value: samples that have none. May be repeated: one of them. */
        user?: string[];
        /** @description Id of a resource. May be repeated: one of them. */
        resource?: string[];
        /** @description Name of a meter. May be repeated: one of them. */
        meter?: string[];
        /** @description Name of a source. May be repeated: one of them. */
        source?: string[];
        /** @description The range: a month (`2026-10`), year or day of `zone`, instead of `start` and `end`. */
        month?: string;
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
        /** @description A figure for each `hour`, `day`, `week`, `month` or `year` of `zone`, or for each length such as `PT15M`, aligned to 1970 in UTC. Without it, one for the range. */
        period?: string;
        /** @description A figure for each `project`, `user`, `resource`, `instance` or `metadata.<key>`; meter, source, type and unit are always apart. May be repeated. */
        group_by?: string[];
        /** @description Readings further apart than this bridge the time between them; `PT20M` by default. */
        usual?: string;
        /** @description How long a reading of a gauge holds at most, such as `PT1H`; until the next one by default. */
        hold?: string;
        /** @description Round to so many digits behind the point, so that parts add up to their total. */
        digits?: number;
        /** @description How `digits` rounds; `half-even` by default. */
        rounding?: 'half-even' | 'half-up' | 'down' | 'up' | 'floor' | 'ceiling';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Use */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Figures'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  getStatistics: {
    parameters: {
      query?: {
        /** @description Id of a project. Without a value: samples that have none. May be repeated: one of them. */
        project?: string[];
        /** @description Id of a user. Without a value: samples that have none. May be repeated: one of them. */
        user?: string[];
        /** @description Id of a resource. May be repeated: one of them. */
        resource?: string[];
        /** @description Name of a meter. May be repeated: one of them. */
        meter?: string[];
        /** @description Name of a source. May be repeated: one of them. */
        source?: string[];
        /** @description The range: a month (`2026-10`), year or day of `zone`, instead of `start` and `end`. */
        month?: string;
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
        /** @description A figure for each `hour`, `day`, `week`, `month` or `year` of `zone`, or for each length such as `PT15M`, aligned to 1970 in UTC. Without it, one for the range. */
        period?: string;
        /** @description A figure for each `project`, `user`, `resource`, `instance` or `metadata.<key>`; meter, source, type and unit are always apart. May be repeated. */
        group_by?: string[];
        /** @description Readings further apart than this bridge the time between them; `PT20M` by default. */
        usual?: string;
        /** @description How long a reading of a gauge holds at most, such as `PT1H`; until the next one by default. */
        hold?: string;
        /** @description Round to so many digits behind the point, so that parts add up to their total. */
        digits?: number;
        /** @description How `digits` rounds; `half-even` by default. */
        rounding?: 'half-even' | 'half-up' | 'down' | 'up' | 'floor' | 'ceiling';
        /** @description What is asked: `use` and `count` of cumulative meters, `sum` and `count` of delta ones, `amount`, `average`, `min`, `max`, `last`, `count` and percentiles such as `p95` of gauges. May be repeated. One that says nothing of a meter is refused. Without it: all that the type of the meter allows, but for `last` and percentiles. */
        function?: string[];
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Statistics */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Figures'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
  explainFigure: {
    parameters: {
      query: {
        /** @description Id of a project. Without a value: samples that have none. May be repeated: one of them. */
        project?: string[];
        /** @description Id of a user. Without a value: samples that have none. May be repeated: one of them. */
        user?: string[];
        /** @description Id of a resource. May be repeated: one of them. */
        resource?: string[];
        /** @description Name of a meter. May be repeated: one of them. */
        meter: string[];
        /** @description Name of a source. May be repeated: one of them. */
        source?: string[];
        /** @description The range: a month (`2026-10`), year or day of `zone`, instead of `start` and `end`. */
        month?: string;
        /** @description From then on: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        start?: string;
        /** @description Before then: a time with an offset from UTC (`2026-10-01T00:00:00Z`), or a day, month or year (`2026-10-01`), which begins in `zone`. */
        end?: string;
        /** @description Time zone, such as `Europe/Berlin`. */
        zone?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Why this figure */
      200: {
        headers: {
          /** @description Of replies of up to 4 MiB. */
          etag?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Explanation'];
          'text/csv': string;
          'application/x-ndjson': string;
        };
      };
      /** @description What `If-None-Match` names is still right. */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      400: components['responses']['400'];
      401: components['responses']['401'];
      403: components['responses']['403'];
      406: components['responses']['406'];
      422: components['responses']['422'];
      429: components['responses']['429'];
      503: components['responses']['503'];
    };
  };
}
