/** Code fields, built on CodeMirror, in a chunk of their own: load them by `import()`, and import types from `options.ts`. */

export { mountCode } from "./field";
