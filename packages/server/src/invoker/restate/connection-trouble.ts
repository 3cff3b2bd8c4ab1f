/** Why a connection did not come about, or broke, in few words: codes where there are some, never what a stranger wrote. */
import { HoldfastError } from "@holdfast/protocol";

export function connectionTrouble(error: unknown): string {
  if (error instanceof HoldfastError) return error.message;
  if (!(error instanceof Error)) return String(error);
  // Several addresses of one name were tried; what became of the first is as good as any.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code, message } = first as NodeJS.ErrnoException;
  return code ?? message;
}
