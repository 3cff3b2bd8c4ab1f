/** Typed client of Holdfast: calling handlers, and operating. Runs in browsers too. */
export { Client, connect, type CallOptions, type ConnectOptions, type SendOptions } from "./client.ts";
export { InvocationHandle, WorkflowHandle, type AttachOptions } from "./invocation-handle.ts";
export {
  PromiseHandle,
  type AnyWorkflowRef,
  type PayloadOf,
  type PromiseNames,
  type PromisePeek,
  type PromiseSettled,
} from "./promise-handle.ts";
export { HoldfastClientError, InvocationFailedError, type ClientErrorDetails } from "./errors.ts";
export { AdminClient } from "./admin/admin-client.ts";
export { InvocationAdmin, type ListOptions } from "./admin/invocation-admin.ts";
export { StateAdmin } from "./admin/state-admin.ts";
