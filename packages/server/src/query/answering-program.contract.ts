/** Stands in for the process that runs queries: whatever it is asked, it has no rows. */
process.on("message", () => process.send?.({ kind: "done", rows: 0 }));
