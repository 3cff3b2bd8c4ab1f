import { get } from "./http.ts";

/** The status that the operators' API shows. "silent" when it does not answer within `msMax`. */
export async function healthOf(adminUrl: string, msMax: number): Promise<string> {
  try {
    const { text } = await get(`${adminUrl}/health`, AbortSignal.timeout(msMax));
    return (JSON.parse(text) as { readonly status: string }).status;
  } catch {
    return "silent";
  }
}
