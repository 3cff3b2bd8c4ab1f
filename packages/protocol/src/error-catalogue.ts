/**
 * Every error a user can meet, in one table. The code is stable; the message may improve. `docs/errors.md` is generated
 * from this file.
 *
 * Grammar: a message begins with a capital, has no final period, says what failed and quotes values ("{service}" is
 * replaced by the error's detail of that name). A hint is a sentence that says what to do. A status of 5xx means that the
 * server is at fault or out of service; whatever the caller can mend is 4xx.
 */

/** Where an error comes from: the call itself, the handler that was called, or the operator's API. */
export type ErrorSource = "ingress" | "invocation" | "admin";

export type ErrorEntry = {
  readonly status: number;
  readonly source: ErrorSource;
  readonly message: string;
  readonly hint: string;
};

export const errorCatalogue = {
  // -- calls ---------------------------------------------------------------------------------------------------------
  "service-not-found": {
    status: 404,
    source: "ingress",
    message: 'Service "{service}" is not registered',
    hint: "Check the name, and register the deployment that serves it: holdfast deployments register <url>.",
  },
  "handler-not-found": {
    status: 404,
    source: "ingress",
    message: 'Service "{service}" has no handler "{handler}"',
    hint: "Check the name. Calls go to the newest deployment of a service; an older one may have had the handler.",
  },
  "path-invalid": {
    status: 400,
    source: "ingress",
    message: 'The path "{path}" addresses no handler',
    hint: "Services are called as /{service}/{handler}, objects and workflows as /{service}/{key}/{handler}.",
  },
  "key-missing": {
    status: 400,
    source: "ingress",
    message: 'A call of "{service}" needs a key',
    hint: "Objects and workflows are addressed with a key: /{service}/{key}/{handler}.",
  },
  "key-invalid": {
    status: 400,
    source: "ingress",
    message: 'The key of the call of "{service}" is not acceptable: {reason}',
    hint: "Keys are non-empty UTF-8, percent-encoded in the path. Plain services take no key.",
  },
  "method-not-allowed": {
    status: 405,
    source: "ingress",
    message: "Method {method} is not allowed on this path",
    hint: "Use a method that the Allow header of this response lists.",
  },
  "content-type-mismatch": {
    status: 415,
    source: "ingress",
    message: 'Handler "{service}/{handler}" does not accept content type "{contentType}"',
    hint: "Send the content type that the handler declares, usually application/json.",
  },
  "body-invalid-json": {
    status: 400,
    source: "ingress",
    message: "The body is not valid JSON: {reason}",
    hint: "Send UTF-8 encoded JSON, or no body at all when the handler takes no input.",
  },
  "input-invalid": {
    status: 400,
    source: "ingress",
    message: 'The input of "{service}/{handler}" does not match its schema: {reason}',
    hint: "The details list every place that does not match. Nothing was started.",
  },
  "input-refused": {
    status: 400,
    source: "ingress",
    message: 'The input of "{service}/{handler}" is not what its handler takes: {reason}',
    hint: "Send the content type that the handler declares. Nothing was started.",
  },
  "body-too-large": {
    status: 413,
    source: "ingress",
    message: "The body is larger than {limit} bytes",
    hint: "Store large data elsewhere and pass a reference, or raise the limit ingress.bodyBytesMax.",
  },
  "header-too-large": {
    status: 431,
    source: "ingress",
    message: "The headers of the request are larger than {limit} bytes",
    hint: "Send fewer or shorter headers.",
  },
  "url-too-long": {
    status: 414,
    source: "ingress",
    message: "The URL is longer than {limit} bytes",
    hint: "Shorten the key or the query, or move data into the body.",
  },
  "request-malformed": {
    status: 400,
    source: "ingress",
    message: "The request is not valid HTTP: {reason}",
    hint: "This comes from the client or a proxy in front of this server, not from the handler.",
  },
  "request-timeout": {
    status: 408,
    source: "ingress",
    message: "The request did not arrive in time",
    hint: "Headers and body must arrive within ingress.requestTimeout. Nothing was started.",
  },
  "expectation-failed": {
    status: 417,
    source: "ingress",
    message: 'The expectation "{expect}" cannot be met',
    hint: "Leave the Expect header out, or send 100-continue.",
  },
  "origin-not-allowed": {
    status: 403,
    source: "ingress",
    message: 'Web pages of "{origin}" may not use this server',
    hint: "Add the origin to ingress.corsOrigins. The admin API is never open to pages of other origins.",
  },
  "delay-not-allowed": {
    status: 400,
    source: "ingress",
    message: "A delay is not possible here: {reason}",
    hint: "Only sends can be delayed. Use the send path instead of waiting for the result.",
  },
  "delay-invalid": {
    status: 400,
    source: "ingress",
    message: 'The delay "{delay}" is not a duration',
    hint: "Write it as 90s, 1h30m or in ISO-8601 as PT1H30M.",
  },
  "scopes-unsupported": {
    status: 400,
    source: "ingress",
    message: "Scopes are not supported, and the request asks for one: {what}",
    hint: "Call without it. One call per key at a time is what objects are for.",
  },
  "idempotency-key-invalid": {
    status: 400,
    source: "ingress",
    message: "The idempotency key is not acceptable: {reason}",
    hint: "Use a non-empty text of visible characters, for example a UUID.",
  },
  "idempotency-key-not-allowed": {
    status: 400,
    source: "ingress",
    message: 'Workflow "{service}" takes no idempotency key',
    hint: "The run of a workflow is already idempotent by its key. Leave the header out.",
  },
  "idempotency-conflict": {
    status: 409,
    source: "ingress",
    message: 'The idempotency key "{idempotencyKey}" was used before with another input',
    hint: "Use a new idempotency key for a new request, and the same one only to repeat the same request.",
  },
  "workflow-already-started": {
    status: 409,
    source: "ingress",
    message: 'Workflow "{service}" has already been started for key "{key}"',
    hint: "A workflow runs once per key. Attach to it for its result, or start one under a new key.",
  },
  "output-not-ready": {
    status: 470,
    source: "ingress",
    message: 'Invocation "{invocationId}" has not completed yet',
    hint: "Ask again later, or attach to wait for the result.",
  },
  "invocation-not-found": {
    status: 404,
    source: "ingress",
    message: 'Invocation "{invocationId}" does not exist',
    hint: "Completed invocations are forgotten when their retention has passed.",
  },
  "invocation-id-invalid": {
    status: 400,
    source: "ingress",
    message: '"{invocationId}" is not an invocation id',
    hint: "Invocation ids begin with inv_1 and have 38 characters.",
  },
  "awakeable-id-invalid": {
    status: 400,
    source: "ingress",
    message: '"{awakeableId}" is not an awakeable id',
    hint: "Awakeable ids begin with sign_1 and have 44 characters. Pass on the id exactly as the handler got it.",
  },
  "awakeable-not-found": {
    status: 404,
    source: "ingress",
    message: 'Awakeable "{awakeableId}" does not exist',
    hint: "The invocation that waits for it is unknown or has completed.",
  },
  "promise-not-found": {
    status: 404,
    source: "ingress",
    message: 'Workflow "{service}" declares no promise "{promise}"',
    hint: "Check the name against the promises in the workflow's definition.",
  },
  "workflow-not-found": {
    status: 404,
    source: "ingress",
    message: 'Workflow "{service}" has not been started for key "{key}"',
    hint: "Start it first. Completed workflows are forgotten when their retention has passed.",
  },
  "promise-already-completed": {
    status: 409,
    source: "ingress",
    message: 'Promise "{promise}" of "{service}/{key}" has already been completed',
    hint: "A promise is completed once; the first outcome stays.",
  },
  "workflow-completed": {
    status: 409,
    source: "ingress",
    message: 'Workflow "{service}/{key}" has completed',
    hint: "Promises of a completed workflow cannot be completed any more. Start a workflow under a new key.",
  },
  "service-private": {
    status: 400,
    source: "ingress",
    message: '"{service}/{handler}" is not public',
    hint: "Call it from another handler, or make it public in its definition.",
  },
  overloaded: {
    status: 429,
    source: "ingress",
    message: "The server has too much to do: {reason}",
    hint: "Nothing was started. Try again after the time in the Retry-After header.",
  },
  "internal-error": {
    status: 500,
    source: "ingress",
    message: "The server failed to handle this request",
    hint: "This is a defect of the server; its log says more. Please report it.",
  },
  "disk-full": {
    status: 507,
    source: "ingress",
    message: "The data directory is full",
    hint: "Free space, or raise ulimit -n if files are what ran out; work is accepted again by itself. Nothing was started.",
  },
  "shutting-down": {
    status: 503,
    source: "ingress",
    message: "The server is shutting down",
    hint: "Nothing was started. Try again in a moment.",
  },

  // -- invocations ---------------------------------------------------------------------------------------------------
  "invocation-completed": {
    status: 409,
    source: "admin",
    message: 'Invocation "{invocationId}" has already completed',
    hint: "Only invocations that have not completed can be changed. Restart it as a new one to run it again.",
  },
  "invocation-id-ambiguous": {
    status: 409,
    source: "admin",
    message: '"{prefix}" begins the ids of several invocations',
    hint: "Write more of the id. The details list some of those it could mean.",
  },
  "bulk-action-not-found": {
    status: 404,
    source: "admin",
    message: 'There is no bulk action "{id}"',
    hint: "The newest bulk actions are remembered until the server restarts.",
  },
  "invocation-not-completed": {
    status: 409,
    source: "admin",
    message: 'Invocation "{invocationId}" has not completed yet',
    hint: "Wait for it, or cancel or kill it first.",
  },
  "invocation-not-scheduled": {
    status: 409,
    source: "admin",
    message: 'Invocation "{invocationId}" is not waiting for its start time',
    hint: "Only an invocation that was sent with a delay and has not started can be rescheduled.",
  },
  "invocation-not-started": {
    status: 425,
    source: "admin",
    message: 'Invocation "{invocationId}" has not started yet',
    hint: "Wait until it has started, or cancel it.",
  },
  "journal-gone": {
    status: 410,
    source: "admin",
    message: 'The journal of invocation "{invocationId}" is no longer kept',
    hint: "Raise journalRetention in the service's options to keep journals for longer.",
  },
  "restart-point-invalid": {
    status: 400,
    source: "admin",
    message: 'Invocation "{invocationId}" cannot be restarted from entry {from}: {reason}',
    hint: "Choose the index of a command whose predecessors all have their results. 0 repeats everything.",
  },
  "restart-unsupported": {
    status: 422,
    source: "admin",
    message: 'Invocation "{invocationId}" cannot be restarted: {reason}',
    hint: "Workflows run once per key. Start one under a new key instead.",
  },

  // -- deployments ---------------------------------------------------------------------------------------------------
  "deployment-not-found": {
    status: 404,
    source: "admin",
    message: 'Deployment "{deploymentId}" does not exist',
    hint: "holdfast deployments list shows the deployments there are.",
  },
  "deployment-id-invalid": {
    status: 400,
    source: "admin",
    message: '"{deploymentId}" is not a deployment id',
    hint: "Deployment ids begin with dp_1 and have 26 characters.",
  },
  "deployment-changed": {
    status: 409,
    source: "admin",
    message: 'The deployment at "{url}" now serves something else than when it was registered',
    hint: "Serve the new version at a new URL, so that running work can finish on the old one; or replace it with force.",
  },
  "deployment-in-use": {
    status: 409,
    source: "admin",
    message: 'Deployment "{deploymentId}" still has {invocations} invocations to finish',
    hint: "Wait until they are done, move them to another deployment, or remove it with force to leave them paused.",
  },
  "deployment-address-denied": {
    status: 422,
    source: "admin",
    message: 'This server does not connect to "{host}", {reason}',
    hint: "Deployments live where deployments.allowedNetworks and deployments.deniedNetworks let them; see docs/http.md, Deployments.",
  },
  "deployment-unreachable": {
    status: 422,
    source: "admin",
    message: 'The deployment at "{url}" cannot be reached: {reason}',
    hint: "Check that it runs and that this server can reach the address. Inside a container, localhost is the container.",
  },
  "deployment-incompatible": {
    status: 422,
    source: "admin",
    message: 'The deployment at "{url}" cannot be registered: {reason}',
    hint: "Check that the address serves an endpoint, and that SDK and server are of versions that fit together.",
  },
  "protocol-version-mismatch": {
    status: 400,
    source: "admin",
    message:
      'Deployment "{deploymentId}" does not speak version {version} of Restate\'s protocol, in which this was recorded',
    hint: "Choose a deployment whose SDK still speaks it, or restart it as new from the beginning.",
  },
  "runtime-unsupported": {
    status: 422,
    source: "admin",
    message: 'The deployment at "{url}" runs on {runtime}, which its SDK does not support',
    hint: "Run it on a newer runtime; docs/sdk.md lists those that are supported.",
  },
  "breaking-change": {
    status: 409,
    source: "admin",
    message: 'The deployment at "{url}" would break running work: {reason}',
    hint: "Serve the old handlers as well, or register with breaking to accept what the details list.",
  },
  "service-name-invalid": {
    status: 400,
    source: "admin",
    message: '"{name}" is not a valid name: {reason}',
    hint: "Names begin with a letter and hold letters, digits and underscores; services also dots and hyphens.",
  },

  // -- state and queries ---------------------------------------------------------------------------------------------
  "state-version-conflict": {
    status: 409,
    source: "admin",
    message: 'The state of "{service}/{key}" has changed since version {version}',
    hint: "Read it again, apply the change to what it is now, and send that version.",
  },
  "state-in-use": {
    status: 409,
    source: "admin",
    message: 'The state of "{service}/{key}" is being worked on by a running invocation',
    hint: "Try again when it has ended or waits for something, or pause it first: it would write over the change.",
  },
  "state-not-allowed": {
    status: 400,
    source: "admin",
    message: 'Service "{service}" has no state that can be changed: {reason}',
    hint: "Only objects and workflows have state; it is changed by exclusive handlers and by run.",
  },
  "query-invalid": {
    status: 400,
    source: "admin",
    message: "The query cannot be run: {reason}",
    hint: "Queries are a single SELECT over the views that docs/sql.md describes.",
  },
  "query-limit-exceeded": {
    status: 400,
    source: "admin",
    message: "{what} exceeds the limit {name} of {limit}",
    hint: "Ask for less: name the columns, add a condition on id or status, or a LIMIT. Or raise the setting of that name.",
  },
  "query-failed": {
    status: 500,
    source: "admin",
    message: "The query failed: {reason}",
    hint: "Nothing but the query is affected. If it fails again, holdfast doctor tells whether the store is what was written.",
  },
  "query-unavailable": {
    status: 503,
    source: "admin",
    message: "Queries cannot be answered now: {reason}",
    hint: "holdfast health says whether the disk is in trouble. Lists (holdfast invocations list) work all the same.",
  },
  "limit-exceeded": {
    status: 400,
    source: "admin",
    message: "{what} exceeds the limit {name} of {limit}",
    hint: "holdfast limits shows every limit and the setting that changes it.",
  },

  // -- the server itself ---------------------------------------------------------------------------------------------
  "config-invalid": {
    status: 400,
    source: "admin",
    message: 'The setting "{key}" is not valid: {reason}',
    hint: "holdfast config shows every setting with its default and where it was set.",
  },
  "host-not-allowed": {
    status: 421,
    source: "admin",
    message: 'This server does not answer for host "{host}"',
    hint: "Use the address the server printed at start, or add the host to ingress.hosts or admin.hosts.",
  },
  "rate-limited": {
    status: 429,
    source: "ingress",
    message: "Too many requests: {reason}",
    hint: "Nothing was started. Try again after the time in the Retry-After header.",
  },
  "authentication-unavailable": {
    status: 503,
    source: "ingress",
    message: "Tokens cannot be checked: the issuer's keys cannot be had",
    hint: "Nothing was started. Try again in a moment. The server's log says why; the address is ingress.jwt.jwksUrl.",
  },
  unauthorized: {
    status: 401,
    source: "admin",
    message: "This request needs a valid token",
    hint: "Send Authorization: Bearer <token> with the token the server was configured with.",
  },
  "not-found": {
    status: 404,
    source: "admin",
    message: 'There is nothing at "{path}"',
    hint: "docs/http.md lists the paths of ingress and admin.",
  },
  "request-invalid": {
    status: 400,
    source: "admin",
    message: "The request is not valid: {reason}",
    hint: "docs/http.md shows what this path expects.",
  },
  "media-type-unsupported": {
    status: 415,
    source: "admin",
    message: 'This path does not accept content type "{contentType}"',
    hint: "Send application/json.",
  },

  "stale-attempt": {
    status: 409,
    source: "admin",
    message: "The attempt is over",
    hint: "Another attempt has taken its place; what this one sends no longer counts.",
  },

  // -- executions: shown on invocations ------------------------------------------------------------------------------
  "invocation-failed": {
    status: 500,
    source: "invocation",
    message: "{reason}",
    hint: "The handler ended with this failure. The same call would be a new invocation.",
  },
  "handler-error": {
    status: 500,
    source: "invocation",
    message: "The handler threw: {reason}",
    hint: "It is tried again by its retry policy. Throw a TerminalError to end the invocation instead.",
  },
  "journal-mismatch": {
    status: 500,
    source: "invocation",
    message: "The code did not do again what it did before: entry {index} was {recorded}, now it is {now}",
    hint: "Serve the code that began the invocation, or restart it as new. Put whatever may vary into ctx.run.",
  },
  "protocol-violation": {
    status: 500,
    source: "invocation",
    message: "The deployment broke the protocol: {reason}",
    hint: "Update its SDK. If that does not help, this is a defect worth reporting.",
  },
  "endpoint-refused": {
    status: 503,
    source: "invocation",
    message: "The endpoint did not run the handler: {reason}",
    hint: "It is tried again by its retry policy. Look at the endpoint, and at what stands between it and this server.",
  },
  "abort-timeout": {
    status: 500,
    source: "invocation",
    message: "The attempt was aborted: it made no progress for {timeout} after it was asked to suspend",
    hint: "Pass the signal of ctx.run on to what it waits for, or raise abortTimeout.",
  },
  "engine-crashed": {
    status: 500,
    source: "invocation",
    message: "The engine crashed while this attempt ran",
    hint: "Nothing of it is lost: it is tried again. If it was the cause, it is paused after some more crashes.",
  },
  "crash-loop": {
    status: 500,
    source: "invocation",
    message:
      "It was running in each of the last {crashes} crashes of the engine, and finished no step in between",
    hint: "See what the process said last, and how much memory it had. Then resume it: holdfast invocations resume <id>, or kill it.",
  },
  "deployment-unavailable": {
    status: 503,
    source: "invocation",
    message: 'Deployment "{deploymentId}" cannot be reached: {reason}',
    hint: "The invocation goes on when it is back. Check that it runs.",
  },
  "message-too-large": {
    status: 413,
    source: "invocation",
    message: "A value of {size} bytes is larger than the limit of {limit} bytes",
    hint: "Store large data elsewhere and keep a reference in the journal.",
  },
  "future-too-deep": {
    status: 500,
    source: "invocation",
    message: "The handler waits for promises that are combined in more than {limit} levels",
    hint: "Combine them in fewer: Promise.all of one list instead of a chain of pairs.",
  },
  "value-not-storable": {
    status: 500,
    source: "invocation",
    message: "{path}: {problem} cannot be stored in the journal",
    hint: "Return plain data: JSON, dates, maps, sets, big integers, bytes and errors can be stored.",
  },
  "step-exhausted": {
    status: 500,
    source: "invocation",
    message: 'Step "{step}" failed {attempts} times: {reason}',
    hint: "The step's retry policy allows no more attempts. Catch the error to go on without its result.",
  },
  deadlock: {
    status: 409,
    source: "invocation",
    message: "The invocation waits for itself: {cycle}",
    hint: "Break the circle of calls between exclusive handlers: send instead of calling, or use a shared handler.",
  },
  cancelled: {
    status: 409,
    source: "invocation",
    message: "The invocation was cancelled",
    hint: "Someone asked for it; the invocation's events show when.",
  },
  killed: {
    status: 409,
    source: "invocation",
    message: "The invocation was killed",
    hint: "Someone asked for it; undo steps did not run.",
  },
  "journal-too-long": {
    status: 500,
    source: "invocation",
    message: "The journal has reached the limit of {limit} entries",
    hint: "Split the work: let the handler process a batch and send itself the rest.",
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type ErrorCode = keyof typeof errorCatalogue;
