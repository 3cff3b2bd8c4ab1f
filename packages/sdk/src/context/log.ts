import type { Log, LogFields } from "../context.ts";
import type { LogEntry } from "../replay/environment.ts";
import type { Session } from "../replay/session.ts";

/** Says each thing once: what the handler repeats on a replay was said when it happened. */
export class HandlerLog implements Log {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  #write(level: LogEntry["level"], message: string, fields: LogFields | undefined): void {
    if (this.#session.isReplaying) return;
    const { invocationId, service, handler, key, attempt } = this.#session.start;
    this.#session.environment.log({ level, message, fields, invocationId, service, handler, key, attempt });
  }
}
