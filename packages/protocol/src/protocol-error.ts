/** Why bytes of a peer were refused. Stable names: tests, logs and the `protocol-violation` error show them. */
export type ProtocolErrorReason =
  | "truncated"
  | "number-too-long"
  | "number-out-of-range"
  | "text-invalid"
  | "wire-type-invalid"
  | "field-number-invalid"
  | "field-missing"
  | "value-invalid"
  | "nested-too-deep"
  | "message-type-unknown"
  | "frame-header-invalid"
  | "frame-too-large";

/** A peer sent bytes that are not a message of the protocol. The session, or for frames the connection, is beyond use. */
export class ProtocolError extends Error {
  override readonly name: string = "ProtocolError";
  readonly code = "protocol-violation";
  readonly reason: ProtocolErrorReason;

  constructor(reason: ProtocolErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
