/** What dev says: lines for people, or one JSON event per line. */
import { relative } from "node:path";

import type { ServiceInfo } from "@holdfast/protocol";

import { curlLine } from "../calling/curl-line.ts";
import { failureLines, type Failure } from "../failure.ts";
import type { Output } from "../output/output.ts";
import type { Style } from "../output/paint.ts";
import { shownLine, shownLines } from "../output/shown-text.ts";
import type { FileError } from "./messages.ts";

export type ServerFacts = { readonly ingressUrl: string; readonly adminUrl: string; readonly data: string };

export type ReadyFacts = {
  readonly ingressUrl: string;
  readonly serviceUrl: string;
  readonly deployment: string;
  /** Of the process that the services run in. */
  readonly pid: number | undefined;
  readonly services: readonly ServiceInfo[];
  readonly ms: number;
  readonly isReload: boolean;
};

export class DevReporter {
  readonly #out: Output;
  readonly #directory: string;
  /** The calls that were shown last: only a change is worth showing them again. */
  #shownCalls = "";

  constructor(out: Output, directory: string) {
    this.#out = out;
    this.#directory = directory;
  }

  server({ ingressUrl, adminUrl, data }: ServerFacts): void {
    const out = this.#out;
    if (out.isJson) {
      out.jsonLine({ event: "server", ready: true, ingressUrl, adminUrl, data, pid: process.pid });
      return;
    }
    this.#say("Holdfast is running", "green");
    this.#say(`  ingress  ${ingressUrl}`);
    this.#say(`  admin    ${adminUrl}`);
    this.#say(`  data     ${shownLine(this.#short(data))}`);
  }

  ready(facts: ReadyFacts): void {
    const { ingressUrl, serviceUrl, deployment, pid, services, ms, isReload } = facts;
    const calls = services.flatMap((service) =>
      service.handlers
        .filter((handler) => handler.public)
        .map((handler) => ({
          handler: `${service.name}/${handler.name}`,
          curl: curlLine(ingressUrl, service, handler),
        })),
    );
    if (this.#out.isJson) {
      const names = services.map(({ name }) => name);
      const event = isReload ? "reloaded" : "ready";
      this.#out.jsonLine({ event, serviceUrl, deployment, pid, services: names, calls, ms });
      return;
    }
    const what = isReload ? "Reloaded" : "Your services are ready";
    this.#say(`${what} in ${ms} ms: ${services.map(({ name }) => name).join(", ")}`, "green");
    const shown = calls.map(({ curl }) => curl).join("\n");
    if (shown === this.#shownCalls) return;
    this.#shownCalls = shown;
    this.#say("Try:");
    for (const { curl } of calls) this.#say(`  ${shownLine(curl)}`, "cyan");
  }

  changed(files: readonly string[]): void {
    if (this.#out.isJson) this.#out.jsonLine({ event: "changed", files });
    else this.#say(`Changed: ${files.map((file) => shownLine(this.#short(file))).join(", ")}`, "dim");
  }

  fileFailed({ message, places, hint }: FileError): void {
    if (this.#out.isJson) {
      this.#out.jsonLine({
        event: "failed",
        error: { message, places, ...(hint === undefined ? {} : { hint }) },
      });
      return;
    }
    this.#say("Your services file cannot be used:", "red");
    for (const line of shownLines(message).split("\n")) this.#say(`  ${line}`);
    for (const place of places) this.#say(`    ${shownLine(place)}`, "dim");
    if (hint !== undefined) this.#say(`  ${shownLine(hint)}`, "yellow");
    this.#say("The engine keeps running. Save a change to try again.");
  }

  refused(failure: Failure): void {
    if (this.#out.isJson) this.#out.jsonLine({ event: "failed", error: failure });
    else for (const line of failureLines(failure, this.#out.paint)) this.#say(line);
  }

  exited(how: string, againMs: number): void {
    if (this.#out.isJson) this.#out.jsonLine({ event: "exited", how, againMs });
    else
      this.#say(
        `The process of your services ${how}. It is started again, and goes on with what it was at.`,
        "yellow",
      );
  }

  moved(from: number, to: number): void {
    const message =
      `Port ${from}, where your services were before, is taken; they are at ${to} now. Work that began there waits for it. ` +
      "To move it here: holdfast invocations resume --deployment ID --on latest";
    this.warning(message);
  }

  warning(message: string): void {
    if (this.#out.isJson) this.#out.jsonLine({ event: "warning", message });
    else this.#say(shownLine(message), "yellow");
  }

  line(stream: "stdout" | "stderr", line: string): void {
    if (this.#out.isJson) this.#out.jsonLine({ event: "log", stream, line });
    // Their own colours are theirs: this is the output of the user's program.
    else this.#out.print(`${this.#prefix("services", stream === "stderr" ? "magenta" : "blue")}${line}`);
  }

  stopped(): void {
    if (this.#out.isJson) this.#out.jsonLine({ event: "stopped" });
  }

  #say(text: string, style?: Style): void {
    const shown = style === undefined ? text : this.#out.paint(style, text);
    this.#out.print(`${this.#prefix("holdfast", "green")}${shown}`);
  }

  #prefix(name: "holdfast" | "services", style: Style): string {
    return this.#out.paint(style, `${name} │ `);
  }

  #short(path: string): string {
    const short = relative(this.#directory, path);
    return short === "" || short.startsWith("..") ? path : short;
  }
}
