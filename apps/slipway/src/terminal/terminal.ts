import { ReadStream } from "node:tty";

import type { Screen } from "./progress-view.ts";
import { styleOf, type Style } from "./style.ts";

const COLUMNS = 100;

/** Where the program is shown, and who sits there. */
export interface Terminal {
  readonly screen: Screen;
  readonly style: Style;
  /** Undefined when nobody sits there. */
  readonly keys: ReadStream | undefined;
  /** Where its user's shell is. */
  readonly cwd: string;
}

export function openTerminal(
  streams: { readonly input: NodeJS.ReadStream; readonly output: NodeJS.WriteStream },
  environment: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Terminal {
  const { input, output } = streams;
  const isTerminal = output.isTTY;
  // Whoever read along may leave (`npm start | head`); the deployment goes on without them.
  output.on("error", () => undefined);
  return {
    screen: {
      isTerminal,
      get columns() {
        return output.columns ?? COLUMNS;
      },
      write: (text) => void output.write(text),
    },
    style: styleOf(isTerminal && (environment["NO_COLOR"] ?? "") === ""),
    keys: isTerminal && input instanceof ReadStream ? input : undefined,
    cwd: environment["INIT_CWD"] ?? cwd,
  };
}
