/** Texts that stand for something: ids, names of log files, durations. */
import {
  formatAwakeableId,
  formatDeploymentId,
  formatDuration,
  formatInvocationId,
  parseAwakeableId,
  parseDeploymentId,
  parseDuration,
  parseInvocationId,
  partitionKeyOf,
} from "@holdfast/protocol";
import { isSpareFileName, parseSegmentFileName, segmentFileName } from "@holdfast/server/parts";

import { require, type Target } from "../engine/target.ts";

const RAW = Uint8Array.from({ length: 24 }, (_, index) => index * 11);

/** One text for one thing: two ids for one invocation would be two lookups, two locks, two rows. */
function run(input: Uint8Array): void {
  const text = Buffer.from(input).toString("utf8");
  const invocation = parseInvocationId(text);
  require(invocation === undefined ||
    formatInvocationId(invocation) === text, "two ids of one invocation", text);
  const deployment = parseDeploymentId(text);
  require(deployment === undefined ||
    formatDeploymentId(deployment) === text, "two ids of one deployment", text);
  const awakeable = parseAwakeableId(text);
  if (awakeable !== undefined)
    require(formatAwakeableId(awakeable.invocationId, awakeable.signalIndex) ===
      text, "two ids of one awakeable", text);
  checkRaw(input);
  checkFileName(text);
  checkDuration(text);
  require(partitionKeyOf(text).length === 8, "a partition key of another length", text);
}

/** Any bytes of the right length have an id, and get it back. */
function checkRaw(input: Uint8Array): void {
  if (input.length !== 24 && input.length !== 16) return;
  const raw =
    input.length === 24
      ? parseInvocationId(formatInvocationId(input))
      : parseDeploymentId(formatDeploymentId(input));
  require(raw !== undefined && Buffer.compare(raw, input) === 0, "an id that does not read back", input);
}

function checkFileName(text: string): void {
  const name = parseSegmentFileName(text);
  if (name === undefined) return;
  require(!isSpareFileName(text), "a segment that is a spare as well", text);
  const back = parseSegmentFileName(segmentFileName(name));
  require(back?.sequence === name.sequence &&
    back.firstPosition === name.firstPosition, "a name that changes", text);
}

function checkDuration(text: string): void {
  const ms = parseDuration(text);
  if (ms === undefined) return;
  require(Number.isSafeInteger(ms) && ms >= 0, "no number of milliseconds", text, ms);
  require(parseDuration(formatDuration(ms)) === ms, "a duration that reads otherwise when shown", text, ms);
}

export const identifiers: Target = {
  name: "identifiers",
  decodes: "ids of invocations, awakeables and deployments; names of log files; durations",
  seeds: () =>
    [
      [formatInvocationId(RAW), formatAwakeableId(formatInvocationId(RAW), 17)],
      [formatDeploymentId(RAW.slice(0, 16)), "0000000000000017-00000003.segment", "00000003.spare"],
      ["90s", "1h 30m", "1.5d", "PT1H30M", "P1DT12H", "P2W", "500 millis"],
    ]
      .flat()
      .map((text): Uint8Array => Buffer.from(text))
      .concat([RAW, RAW.slice(0, 16)]),
  tokens: [
    "inv_1",
    "sign_1",
    "dp_1",
    "ZZZZ",
    "0000",
    "----",
    "P",
    "T",
    "ms",
    "weeks",
    ".",
    ".segment",
    "9007199254740992",
    "\xff\xff",
  ],
  run,
};
