/** docs/sql.md: what is written by hand, and every view with its columns. */
import { views } from "./views/views.ts";

const HEADER = `# SQL over the engine's state

<!-- Made from packages/server/src/query. Change it there; UPDATE=1 with its tests rewrites this page. -->

\`holdfast sql "SELECT …"\` and \`POST /query\` answer one SELECT over the views below. An answer is as fresh as the query: whatever
was answered to anyone before it was sent is in it. It sees one moment, however long it runs, and changes nothing.

## Five useful queries

What does not get on, longest first:

\`\`\`sql
SELECT id, target, status, modified_at, last_failure FROM sys_invocation
WHERE status IN ('paused', 'backing-off', 'suspended') AND modified_at < ago('1h') ORDER BY modified_at LIMIT 20
\`\`\`

The slowest steps of one handler:

\`\`\`sql
SELECT c.name, c.id, round((julianday(n.appended_at) - julianday(c.appended_at)) * 86400, 3) AS seconds
FROM sys_invocation i
JOIN sys_journal c ON c.id = i.id AND c.entry_type = 'Command: Run'
JOIN sys_journal n ON n.id = c.id AND n.entry_type = 'Notification: Run'
  AND json_extract(n.entry_lite_json, '$.Notification.id.CompletionId') = json_extract(c.entry_json, '$.Command.Run.completion_id')
WHERE i.target_service_name = 'checkout' AND i.created_at > ago('1 day') ORDER BY seconds DESC LIMIT 10
\`\`\`

Loops of retries: what fails again and again, and why:

\`\`\`sql
SELECT target_service_name, target_handler_name, last_failure, count(*) AS invocations, max(retry_count) AS attempts
FROM sys_invocation WHERE status = 'backing-off' GROUP BY 1, 2, 3 ORDER BY invocations DESC
\`\`\`

The queue behind the lock of an object, and who holds it:

\`\`\`sql
SELECT h.service_key, h.invocation_id AS holder, count(q.id) AS waiting, min(q.created_at) AS since
FROM sys_keyed_service_status h JOIN sys_inbox q ON q.service_name = h.service_name AND q.service_key = h.service_key
GROUP BY 1, 2 ORDER BY waiting DESC LIMIT 10
\`\`\`

The state of one key:

\`\`\`sql
SELECT key, value_utf8 FROM state WHERE service_name = 'cart' AND service_key = 'ada' ORDER BY key
\`\`\`

## The language

It is SQLite's: joins, subqueries, WITH, window functions, JSON functions (\`json_extract\`, \`json_each\`). Of what Restate's clients
send to DataFusion, this is understood as well:

- \`SHOW TABLES\`, \`SHOW COLUMNS FROM view\`, \`DESCRIBE view\`, \`information_schema.tables\` and \`information_schema.columns\`;
- \`restate.public.sys_invocation\` and \`public.sys_invocation\` for the view;
- the column \`index\` without quotes, \`ILIKE\`, and \`CAST(x AS STRING)\`;
- \`now()\`, \`now() - interval '1 hour'\`, \`to_timestamp('2026-11-23T10:00:00Z')\`, \`date_trunc('hour', created_at)\`. Shorter:
  \`ago('1h')\`.

What differs from it:

- Instants and durations are texts in ISO 8601 (\`2026-11-23T02:06:11.310Z\`, \`PT86400S\`). Instants compare as they should, with each
  other and with \`ago\`; lengths of time come from \`julianday(b) - julianday(a)\`, in days.
- Booleans are 0 and 1 in expressions; \`WHERE completed\` and \`completed = true\` work. Lists are JSON texts. \`partition_key\` is
  compared as a signed number. Results have the proper types again where a column of a view is named as it is there; conditions
  (\`d.id IS NOT NULL AS is_there\`) are booleans.
- \`LIKE\` ignores the case of ASCII letters. \`x::type\`, \`array_agg\`, \`first_value\` as an aggregate, intervals elsewhere than
  behind \`now()\`, and other functions of DataFusion are not there.
- Several columns of one name are one field of a JSON row: name them (\`AS\`).
- \`EXPLAIN\` and everything else that is no SELECT is refused.

## Cost and limits

A query reads what it needs: columns that it does not name cost nothing, \`id = '…'\` and \`status = '…'\` go through an index, anything
else looks at every row of its views. It runs in a process of its own, of low priority, which is ended at \`query.timeLimit\`,
\`query.memoryBytesMax\`, \`query.rowsMax\` or \`query.resultBytesMax\`, whichever comes first; the error names it. \`query.runningMax\` run at a
time, \`query.waitingMax\` wait. An answer begins when all of it is there.

Each query makes the engine write a checkpoint first, if something has changed since the last: cheap for a person, and not meant
for a loop without a pause. While the store cannot be written, queries are refused after their time limit; lists
(\`holdfast invocations list\`) work all the same. An engine without a data directory has no queries.

## POST /query

\`{"query": "SELECT … WHERE status = ?", "parameters": ["paused"]}\`, under \`/query\`, \`/v2/query\`, \`/v3/query\` and \`/v4/query\`. The header
\`accept\` decides the form of the answer:

| \`accept\` | answer |
|---|---|
| \`application/json\`, exactly | \`{"rows": [{"id": "inv_1…"}]}\`: NULL is left out, bytes are hexadecimal, whole numbers have all their digits |
| \`application/vnd.holdfast.table+json\` | \`{"columns": ["id"], "rows": [["inv_1…"]]}\` |
| anything else | an Arrow IPC stream, \`application/vnd.apache.arrow.stream\` |

Who may read the admin API may read everything here, payloads included.

## Views
`;

export function sqlDocument(): string {
  const sections = views.map(({ name, meaning, columns }) => {
    const rows = columns.map((column) => `| \`${column.name}\` | ${column.type} | ${column.meaning} |\n`);
    return `\n### ${name}\n\n${meaning}\n\n| column | type | meaning |\n|---|---|---|\n${rows.join("")}`;
  });
  return HEADER + sections.join("");
}
