/**
 * Bounds what a failure can cost. Why an attempt or a step failed is kept with the invocation for people to read, several
 * times over; a handler may put megabytes into an error's text. And it may ask for the next attempt at once, which counts as
 * none of those it may have. Outcomes are not touched: they belong to the caller.
 */
import { encodeMessage, MessageType, type SdkMessage } from "@holdfast/protocol";

/** Characters kept of each text. */
const TEXT_LENGTH_MAX = 16_384;

/** The soonest that a handler can ask to be tried again, ms: at once would be thousands of times a second, for ever. */
const RETRY_MS_MIN = 10;

export type Sent = { readonly message: SdkMessage; readonly body: Uint8Array };

/** The message as it is to be recorded. */
export function boundFailure(message: SdkMessage, body: Uint8Array): Sent {
  const isImpatient =
    message.type === MessageType.Error && (message.nextRetryDelayMs ?? RETRY_MS_MIN) < RETRY_MS_MIN;
  if (!isImpatient && body.length <= TEXT_LENGTH_MAX) return { message, body };
  const patient = isImpatient ? { ...message, nextRetryDelayMs: RETRY_MS_MIN } : message;
  const bounded = withShortTexts(patient);
  return bounded === undefined ? { message, body } : { message: bounded, body: encodeMessage(bounded) };
}

function withShortTexts(message: SdkMessage): SdkMessage | undefined {
  switch (message.type) {
    case MessageType.Error:
      return { ...message, message: shorten(message.message), stacktrace: shorten(message.stacktrace) };
    case MessageType.RunAttemptFailed: {
      const { failure } = message;
      const metadata = failure.metadata?.map(([key, value]) => [key, shorten(value)] as const);
      return {
        ...message,
        failure: {
          ...failure,
          message: shorten(failure.message),
          ...(metadata === undefined ? {} : { metadata }),
        },
      };
    }
    default:
      return undefined;
  }
}

function shorten(text: string): string {
  if (text.length <= TEXT_LENGTH_MAX) return text;
  // A pair of surrogates that is cut in two could not be encoded.
  return `${text.slice(0, TEXT_LENGTH_MAX).toWellFormed()}… (${text.length} characters)`;
}
