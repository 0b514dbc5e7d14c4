/** Runs and their nodes for tests. */

import type { NodeRun, Run } from "../protocol";

export const run = (state = "running"): Run => ({
  id: "7",
  workflow: "w",
  version: 1,
  state,
  counts: {},
  created_at: "",
  started_at: null,
  finished_at: null,
  priority: 5,
});

export const nodeRun = (id: string, state: string, more: Partial<NodeRun> = {}): NodeRun => ({
  node: id, type: "noop", name: id, state, reason: "", attempt: 1, started_at: null, finished_at: null, expected: null, expected_from: "none", progress: null, error: null, waiting_for: [], output: null, ...more,
}); // prettier-ignore
