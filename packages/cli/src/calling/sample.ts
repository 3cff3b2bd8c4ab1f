/** A value that fits a JSON Schema, to show what a handler takes. As small as the schema allows; never longer than useful. */
type Schema = Readonly<Record<string, unknown>>;

const DEPTH_MAX = 6;
const ITEMS_MAX = 3;

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2030-01-01T12:00:00Z",
  date: "2030-01-01",
  time: "12:00:00Z",
  duration: "PT1H",
  email: "ada@example.com",
  uri: "https://example.com",
  url: "https://example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uuid: "00000000-0000-4000-8000-000000000000",
};

/** Undefined when nothing is to be sent. */
export function sampleOf(schema: unknown): unknown {
  return new Sampler(schema).sample(schema, "", 0);
}

class Sampler {
  readonly #root: unknown;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** `name` is that of the property, which says more than its type. */
  sample(schema: unknown, name: string, depth: number): unknown {
    if (!isSchema(schema)) return schema === false ? undefined : {};
    const given = givenValue(schema);
    if (given !== undefined) return given.value;
    if (typeof schema["$ref"] === "string") {
      const target = depth > DEPTH_MAX ? undefined : this.#resolve(schema["$ref"]);
      return target === undefined ? {} : this.sample(target, name, depth + 1);
    }
    const choices = listOf(schema["anyOf"] ?? schema["oneOf"]);
    const choice = choices.find((each) => !isSchema(each) || each["type"] !== "null") ?? choices[0];
    if (choice !== undefined) return this.sample(choice, name, depth + 1);
    const parts = listOf(schema["allOf"]);
    if (parts.length > 0) return this.#merged([...parts, { ...schema, allOf: undefined }], name, depth);
    return this.#byType(schema, name, depth);
  }

  #byType(schema: Schema, name: string, depth: number): unknown {
    switch (typeOf(schema)) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return this.#array(schema, name, depth);
      case "string":
        return sampleText(schema, name);
      case "integer":
      case "number":
        return sampleNumber(schema);
      case "boolean":
        return true;
      case "null":
        return null;
      default:
        return {};
    }
  }

  /** What must be there; of an object that requires nothing, everything. */
  #object(schema: Schema, depth: number): unknown {
    const properties = isSchema(schema["properties"]) ? schema["properties"] : {};
    const required = listOf(schema["required"]);
    const names = Object.keys(properties).filter((name) => required.length === 0 || required.includes(name));
    if (depth > DEPTH_MAX) return {};
    return Object.fromEntries(names.map((name) => [name, this.sample(properties[name], name, depth + 1)]));
  }

  #array(schema: Schema, name: string, depth: number): unknown {
    const tuple = listOf(schema["prefixItems"]);
    if (tuple.length > 0) return tuple.map((item) => this.sample(item, name, depth + 1));
    if (depth > DEPTH_MAX) return [];
    const least = numberOf(schema["minItems"]) ?? 1;
    const length = Math.max(1, Math.min(ITEMS_MAX, least));
    const item = this.sample(schema["items"] ?? {}, name.replace(/s$/, ""), depth + 1);
    return Array.from({ length }, () => item);
  }

  #merged(parts: readonly unknown[], name: string, depth: number): unknown {
    const samples = parts.map((part) => this.sample(part, name, depth + 1));
    const objects = samples.filter(isSchema);
    return objects.length === samples.length ? Object.assign({}, ...objects) : samples[0];
  }

  #resolve(reference: string): unknown {
    if (!reference.startsWith("#")) return undefined;
    let target = this.#root;
    for (const part of reference.slice(1).split("/").filter(Boolean)) {
      const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      if (!isSchema(target)) return undefined;
      target = target[name];
    }
    return target;
  }
}

/** What the schema itself offers. */
function givenValue(schema: Schema): { readonly value: unknown } | undefined {
  if (schema["const"] !== undefined) return { value: schema["const"] };
  const [example] = listOf(schema["examples"]);
  if (example !== undefined) return { value: example };
  if (schema["default"] !== undefined) return { value: schema["default"] };
  const [first] = listOf(schema["enum"]);
  return first === undefined ? undefined : { value: first };
}

function typeOf(schema: Schema): unknown {
  const type = schema["type"];
  if (Array.isArray(type)) return type.find((each) => each !== "null");
  if (type !== undefined) return type;
  if (schema["properties"] !== undefined) return "object";
  return schema["items"] === undefined && schema["prefixItems"] === undefined ? undefined : "array";
}

function sampleText(schema: Schema, name: string): string {
  const format = typeof schema["format"] === "string" ? FORMATS[schema["format"]] : undefined;
  if (format !== undefined) return format;
  const text = name === "" ? "text" : name;
  const least = numberOf(schema["minLength"]) ?? 0;
  const most = numberOf(schema["maxLength"]) ?? Number.POSITIVE_INFINITY;
  return text.padEnd(Math.min(least, 100), "x").slice(0, Math.max(most, 0));
}

function sampleNumber(schema: Schema): number {
  const above = numberOf(schema["exclusiveMinimum"]);
  const below = numberOf(schema["exclusiveMaximum"]);
  const least = numberOf(schema["minimum"]) ?? (above === undefined ? undefined : above + 1);
  const most = numberOf(schema["maximum"]) ?? (below === undefined ? undefined : below - 1);
  const step = numberOf(schema["multipleOf"]);
  const wanted = Math.min(Math.max(1, least ?? 1), most ?? Number.POSITIVE_INFINITY);
  return step === undefined || step <= 0 ? wanted : Math.ceil(wanted / step) * step;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
