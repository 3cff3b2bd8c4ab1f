import { usageError } from "./cli-error.ts";

export type ObjectAddress = { readonly service: string; readonly key: string };

export const OBJECT_HELP = "service/key; all behind the first slash is the key";

export function objectAddress(text: string): ObjectAddress {
  const slash = text.indexOf("/");
  const service = text.slice(0, Math.max(0, slash));
  const key = text.slice(slash + 1);
  if (service !== "" && key !== "") return { service, key };
  throw usageError(`"${text}" is no address of an object or workflow`, {
    hint: "Write service/key: counter/visits.",
  });
}
