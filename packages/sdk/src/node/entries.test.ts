import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { SDK_NAME } from "../endpoint/sdk-name.ts";
import * as portable from "../index.ts";
import * as node from "./index.ts";

test("the entry for Node offers what the portable one does, and what needs Node", () => {
  assert.deepEqual(
    Object.keys(node).toSorted(),
    [...Object.keys(portable), "serve", "aesGcmCodec"].toSorted(),
  );
  const exported = (file: string): readonly string[] =>
    readFileSync(new URL(file, import.meta.url), "utf8")
      .match(/\btype \w+/g)
      ?.toSorted() ?? [];
  const own = ["type ServeOptions", "type ServedEndpoint", "type AesGcmCodecOptions"];
  assert.deepEqual(
    exported("./index.ts").filter((name) => !own.includes(name)),
    exported("../index.ts"),
  );
});

test("the name in the manifest carries the version of the package", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  assert.equal(SDK_NAME, `holdfast-sdk-typescript/${manifest.version}`);
});
