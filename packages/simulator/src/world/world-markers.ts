/** Situations that only the world around the product sees. */
export const WORLD_MARKERS = [
  "log: the machine stopped inside a change of the disk",
  "log: a failed sync ended the process",
  "log: damage was found and stopped the start",
  "log: a torn tail was cut off",
  "log: batches that nothing vouched for were written again",
  "log: too little room to start",
  "store: a checkpoint was lost in a crash",
] as const;

export type WorldMarker = (typeof WORLD_MARKERS)[number];
