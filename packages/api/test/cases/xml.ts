import { casesOf, text } from './world.js';
import type { Asking } from './world.js';

const { made, expect } = casesOf('XML');
/** XML, as WSME writes and reads it. */
export const xmlCases = made;

const xml: Asking = { headers: { accept: 'application/xml' }, type: 'application/xml' };
const get = (path: string, ...parts: string[]) => expect(`GET ${path}`, 200, parts.map(text), xml);

get(
  '/v2/samples/c2',
  '<result><volume>2.0</volume><id>c2</id>',
  '<recorded_at nil="true" />',
  '<timestamp>2012-07-02T10:42:00</timestamp>',
  '<item><key>tag</key><value>b</value></item>',
);
get('/v2/samples/i1', '<project_id nil="true" />', '<metadata />');
get(
  '/v2/samples/s1',
  '<resource_id>a/b</resource_id>',
  '<value>&lt;&amp;&gt;</value>',
  '<volume>10000000000000000.0</volume>',
);
get('/v2/samples?limit=1', '<result><item><volume>7.0</volume><id>d3</id>', '</item></result>');
get('/v2/samples?q.field=meter&q.value=none', '<result></result>');
get(
  '/v2/meters/cpu?limit=1',
  '<counter_volume>2.0</counter_volume>',
  '<resource_metadata><item><key>tag</key><value>c</value></item>',
);
get(
  '/v2/meters?q.field=resource&q.value=r1',
  '<result><item><name>cpu</name><type>cumulative</type><unit>ns</unit>',
  '<meter_id>cjErY3B1</meter_id>',
);
get('/v2/resources/r1', '<result><resource_id>r1</resource_id>', '<links><item><href>http://', '<rel>self</rel>');
get(
  '/v2/meters/cpu/statistics',
  '<min>1.0</min><max>2.0</max>',
  '<sum>5.0</sum><count>3</count><duration>3600.0</duration>',
  '<period>0</period>',
  '<groupby nil="true" />',
);
get(
  '/v2/meters/net/statistics?groupby=project_id',
  '<groupby><item><key>project_id</key><value>p1</value></item></groupby>',
);
get(
  '/v2/meters/cpu/statistics?aggregate.func=count',
  '<aggregate><item><key>count</key><value>3.0</value></item></aggregate>',
);
get('/v2/capabilities', '<api><item><key>meters:query:simple</key><value>true</value></item>');
expect('GET /v2/samples', 200, text('<result><item>'), { headers: { accept: 'text/xml' }, type: 'text/xml' });
expect('GET /v2/samples', 200, text('<result>'), {
  headers: { accept: 'application/json;q=0.8, application/xml' },
  type: 'application/xml',
});
expect('GET /v2/samples', 200, [], {
  headers: { accept: 'application/xml;q=0.8, application/json' },
  type: 'application/json',
});
expect('GET /v2/samples', 406, text('error_message'), { headers: { accept: 'image/png' } });
// Errors.
expect(
  'GET /v2/samples/none',
  404,
  [
    text(
      '<error_message><error><faultcode>Client</faultcode><faultstring>Sample none Not Found</faultstring><debuginfo />',
    ),
  ],
  xml,
);
expect('GET /v2/nothing', 404, text('<error_message>'), xml);
expect('GET /v2/samples?limit=0', 400, text('Limit must be positive'), xml);
expect('DELETE /v2/samples', 405, text('<error_message>'), xml);
// Bodies.
const body = (content: string): Asking => ({ body: content, headers: { 'content-type': 'application/xml' } });
const query = 'POST /v2/query/samples';
expect(
  query,
  200,
  text('"id":"s1"'),
  body('<query><filter>{"=": {"meter": "image"}}</filter><limit>5</limit></query>'),
);
expect(
  query,
  200,
  text('"id":"d1"'),
  body('<query><filter><![CDATA[{"<": {"timestamp": "2012-07-02T10:30"}}]]></filter></query>'),
);
expect(query, 200, text('"id"'), body('<query><orderby nil="true"/></query>'));
expect(query, 400, text('Limit must be positive'), body('<query><limit>0</limit></query>'));
expect(query, 400, text('Unknown argument'), body('<query><colour>red</colour></query>'));
expect(query, 400, text('not in valid XML format'), body('<query><limit>'));
expect(query, 400, text('document type'), body('<!DOCTYPE query [<!ENTITY a "b">]><query/>'));
