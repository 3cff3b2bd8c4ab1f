import type {
  BulkProgress,
  BulkRequest,
  Duration,
  InvocationAction,
  InvocationActionRequest,
  InvocationActionResponse,
  InvocationDetail,
  InvocationFilter,
  InvocationSummary,
  JournalEntryInfo,
  Page,
} from "@holdfast/protocol";

import type { RequestOptions, Transport } from "../transport.ts";
import { itemsOf, type Listed } from "./listed.ts";

export interface ListOptions extends InvocationFilter {
  /** Items per page. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export class InvocationAdmin {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One page of the invocations that match. */
  list(options: ListOptions = {}): Promise<Page<InvocationSummary>> {
    return this.#transport.json(["invocations"], { query: queryOf(options) });
  }

  /**
   * All that match, page after page.
   *
   * @example for await (const { id } of admin.invocations.each({ status: ["paused"] })) console.log(id);
   */
  async *each(filter: InvocationFilter = {}): AsyncGenerator<InvocationSummary, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: Page<InvocationSummary> = await this.list({
        ...filter,
        ...(cursor === undefined ? {} : { cursor }),
      });
      yield* page.items;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  /** Everything about one, with its journal. */
  get(id: string): Promise<InvocationDetail> {
    return this.#transport.json(["invocations", id]);
  }

  /** The journal of one from entry `from` on, for journals too long for `get`. */
  journal(
    id: string,
    options: { readonly from?: number; readonly limit?: number; readonly cursor?: string } = {},
  ): Promise<Page<JournalEntryInfo>> {
    return this.#transport.json(["invocations", id, "journal"], { query: { ...options } });
  }

  /** Asks it to end: its handler is told at its next wait, and may clean up. */
  cancel(id: string): Promise<InvocationActionResponse> {
    return this.#act(id, "cancel");
  }

  /** Ends it at once, without asking its handler. */
  kill(id: string): Promise<InvocationActionResponse> {
    return this.#act(id, "kill");
  }

  /** Stops it until it is resumed. */
  pause(id: string): Promise<InvocationActionResponse> {
    return this.#act(id, "pause");
  }

  /** Lets it go on, on its own deployment or another. */
  resume(
    id: string,
    options: Pick<InvocationActionRequest, "deployment"> = {},
  ): Promise<InvocationActionResponse> {
    return this.#act(id, "resume", options);
  }

  /** Begins a new invocation with the same input, or with part of the journal. */
  restart(
    id: string,
    options: Pick<InvocationActionRequest, "deployment" | "fromCommand"> = {},
  ): Promise<InvocationActionResponse> {
    return this.#act(id, "restart", options);
  }

  /** Forgets one that has ended. */
  purge(
    id: string,
    options: Pick<InvocationActionRequest, "journalOnly"> = {},
  ): Promise<InvocationActionResponse> {
    return this.#act(id, "purge", options);
  }

  /** Moves the start of one that has not started. With neither `at` nor `delay`, it starts now. */
  reschedule(
    id: string,
    options: { readonly at?: Date; readonly delay?: Duration } = {},
  ): Promise<InvocationActionResponse> {
    const { at, delay } = options;
    return this.#act(id, "reschedule", {
      ...(at === undefined ? {} : { at: at.toISOString() }),
      ...(delay === undefined ? {} : { delay }),
    });
  }

  /** Does the same to all that match. Answers at once; ask `bulkProgress` how far it is. */
  bulk(request: BulkRequest): Promise<BulkProgress> {
    return this.#transport.exchange("POST", ["invocations", "bulk"], request);
  }

  bulkProgress(bulkId: string): Promise<BulkProgress> {
    return this.#transport.json(["invocations", "bulk", bulkId]);
  }

  /** Bulk actions that were started since the server started. */
  async bulkActions(): Promise<readonly BulkProgress[]> {
    return itemsOf(await this.#transport.json<Listed<BulkProgress>>(["invocations", "bulk"]));
  }

  /** Leaves alone what a bulk action has not come to. */
  stopBulk(bulkId: string): Promise<BulkProgress> {
    return this.#transport.json(["invocations", "bulk", bulkId], { method: "DELETE" });
  }

  #act(
    id: string,
    action: InvocationAction,
    request: InvocationActionRequest = {},
  ): Promise<InvocationActionResponse> {
    return this.#transport.exchange("PATCH", ["invocations", id, action], request);
  }
}

function queryOf(options: ListOptions): NonNullable<RequestOptions["query"]> {
  const { ids, status, ...rest } = options;
  return { ...rest, ids: ids?.join(","), status: status?.join(",") };
}
