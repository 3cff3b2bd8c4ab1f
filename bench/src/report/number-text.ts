/** Numbers as people read them in a table. */

const MIB = 1024 * 1024;

export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  if (Math.abs(value) >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

export function megabytes(bytes: number): string {
  return `${shortNumber(bytes / MIB)} MiB`;
}

export function ratioText(value: number): string {
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1)}×`;
}
