/** Requests as a caller in any language makes them: bytes on the wire are compared, not what a client library makes of them. */

export type Answer = { readonly status: number; readonly text: string };

export type RequestOptions = {
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
};

export async function get(url: string, signal?: AbortSignal): Promise<Answer> {
  return answerOf(await fetch(url, signal === undefined ? {} : { signal }));
}

export async function post(url: string, options: RequestOptions = {}): Promise<Answer> {
  const { body, idempotencyKey, signal } = options;
  const response = await fetch(url, {
    method: "POST",
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  return answerOf(response);
}

async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, text: await response.text() };
}

/** Does `work` for each item, `width` at a time. Rejects with the first failure. */
export async function inParallel<Item>(
  items: Iterable<Item>,
  width: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items].reverse();
  const worker = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, queue.length) }, worker));
}
