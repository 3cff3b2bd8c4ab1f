/**
 * Bounds what is kept of a failure. Why an attempt or a step failed is kept with the invocation for people to read, several
 * times over; a handler may put megabytes into an error's text. Outcomes are not touched: they belong to the caller.
 */
import { encodeMessage, MessageType, type SdkMessage } from "@holdfast/protocol";

/** Characters kept of each text. */
const TEXT_LENGTH_MAX = 16_384;

export type Sent = { readonly message: SdkMessage; readonly body: Uint8Array };

/** The message as it is to be recorded. */
export function boundFailure(message: SdkMessage, body: Uint8Array): Sent {
  if (body.length <= TEXT_LENGTH_MAX) return { message, body };
  const bounded = withShortTexts(message);
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
