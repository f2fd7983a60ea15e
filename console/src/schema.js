// What the published schema of a draft says about fields: their names, meanings and values.

import schema from "../../docs/schemas/draft-v1.json";

const pipeline = schema.properties.pipelines.additionalProperties.properties;
const settings = schema.properties.settings.properties;

export const PIPELINE = pipeline;
export const TABLE = pipeline.tables.additionalProperties.properties;
export const SECTIONS = Object.entries(settings).filter(([name]) => name !== "comments");

// Fields of a pipeline that are values of their own, the ones that everybody needs left out.
const FIRST = ["schedule", "timezone", "paused", "incremental"];
export const WHEN = FIRST;
export const MORE = Object.keys(pipeline).filter(
  (name) => isRegister(pipeline[name]) && name !== "removed" && !FIRST.includes(name),
);

export function isRegister(said) {
  return said["x-loro"] === "register";
}

// How a field is edited: as one of `choices`, or as a value of a kind (values.js), or as yes or no.
export function editing(said) {
  if (said.enum) return { kind: "text", choices: said.enum };
  if (said.type === "boolean") return { kind: "yes" };
  if (said.type === "integer") return { kind: "number" };
  if (said.type === "string") return { kind: "text" };
  if (said.type === "array" && said.items?.type === "string") return { kind: "names" };
  return { kind: "json" };
}

export function example(said) {
  if (said.default !== undefined && said.default !== "") {
    const text = Array.isArray(said.default) ? said.default.join(", ") : String(said.default);
    if (text) return text;
  }
  const [first] = said.examples ?? [];
  if (first === undefined) return "";
  return `such as ${Array.isArray(first) ? first.join(", ") : first}`;
}
