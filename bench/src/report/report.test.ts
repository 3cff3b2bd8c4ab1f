import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { Histogram } from "../load/histogram.ts";
import { combine } from "./figures.ts";
import { withFigures } from "./markdown.ts";
import { figures, results, scenario } from "./results.contract.ts";
import { headerText, scenarioText } from "./table.ts";
import { readResults, resultsName, writeReport, writeResults } from "./write-report.ts";

const DOCUMENT = "# Title\n\nprose\n\n<!-- figures: begin -->\nold\n<!-- figures: end -->\n\nmore prose\n";

function latencies(values: readonly number[]) {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value * 1e6);
  const at = (share: number): number => histogram.percentile(share) / 1e6;
  return {
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    max: histogram.max / 1e6,
    counts: histogram.counts(),
  };
}

describe("the report", () => {
  it("writes plots and tables and leaves the prose around them as it was", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-report-"));
    try {
      const document = join(folder, "performance.md");
      writeFileSync(document, DOCUMENT);
      const open = scenario({
        name: "open-empty",
        unit: "ms",
        better: "lower",
        holdfast: figures(3, { latency: latencies([1, 2, 3]), extra: { perSecond: 600 } }),
      });
      const written = writeReport(results([scenario(), open]), document);
      const names = written.map((path) => path.slice(folder.length + 1));
      assert.deepEqual(names, [
        "performance/throughput.svg",
        "performance/cpu.svg",
        "performance/latency-open-empty.svg",
        "performance.md",
      ]);
      const text = readFileSync(document, "utf8");
      assert.match(text, /^# Title\n\nprose\n\n<!-- figures: begin -->\n\nMeasured on 2026-03-01/);
      assert.match(text, /<!-- figures: end -->\n\nmore prose\n$/);
      assert.match(text, /\| empty @ 50 \| restate \| 100 \| 50\.0–200 \|  \|  \| 12× \(10×–13×\) \|/);
      assert.match(text, /- empty @ 50, dbos: n\/a: no PostgreSQL/);
      assert.doesNotMatch(text, /^old$/m);
      const svg = readFileSync(join(folder, "performance/throughput.svg"), "utf8");
      assert.match(svg, /^<svg xmlns/);
      assert.match(svg, />1,200</);
      assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
      const line = readFileSync(join(folder, "performance/latency-open-empty.svg"), "utf8");
      assert.match(line, /<polyline points="70,/);
      assert.doesNotMatch(line, /NaN|undefined|Infinity/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("needs both markers", () => {
    assert.throws(() => withFigures("# Title\n", "figures"), /lacks/);
  });

  it("reads results as they were written, under a name that says where they are from", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-report-"));
    try {
      const all = results([scenario({ holdfast: figures(3, { latency: latencies([1, 2]) }) })]);
      const path = join(folder, "deep", `${resultsName(all)}.json`);
      writeResults(path, all);
      assert.deepEqual(readResults([path]), all);
      assert.equal(resultsName(all), "2026-03-01-a-fast-cpu-2-cores");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("prints who is absent, what failed, and which goals are missed", () => {
    const text = scenarioText(
      scenario({
        peers: { restate: { failed: "status 500: no\nand more" }, dbos: { absent: "no PostgreSQL" } },
        goals: [{ text: "at least 12 times restate", met: false, value: 3 }],
      }),
    );
    assert.match(text, /restate +FAILED: status 500: no\n/);
    assert.match(text, /dbos +n\/a: no PostgreSQL\n/);
    assert.match(text, /MISSED at least 12 times restate: 3\.00/);
    assert.match(headerText(results([])), /dbos absent: no PostgreSQL/);
  });

  it("combines rounds into medians and keeps the worst latency", () => {
    const combined = combine(
      [
        { round: 0, value: 10, latency: { p50: 1, p99: 2, p999: 3, max: 9 }, extra: { a: 1 } },
        { round: 1, value: 30, latency: { p50: 3, p99: 4, p999: 5, max: 6 }, extra: { a: 3 } },
      ],
      false,
    );
    assert.equal(combined?.median, 20);
    assert.deepEqual(combined?.latency, { p50: 2, p99: 3, p999: 4, max: 9 });
    assert.deepEqual(combined?.extra, { a: 2 });
    assert.equal(combine([], false), undefined);
  });

  it("has the scenarios of several runs together", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-report-"));
    try {
      const paths = ["empty", "sleepers"].map((name) => {
        const path = join(folder, `${name}.json`);
        writeResults(path, results([scenario({ name })]));
        return path;
      });
      assert.deepEqual(
        readResults(paths).scenarios.map(({ name }) => name),
        ["empty", "sleepers"],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
