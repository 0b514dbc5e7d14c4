/** The URL of a run's page: selected node, tab of its panel, open part of the drawer.
 *
 *   /runs/7/nodes/join_weather/?tab=output&drawer=logs
 *
 * History entries are replaced, never added: "back" leaves the run.
 */

/** Returns a parameter of the query; empty: not set. */
export function readQuery(name: string): string {
  return new URLSearchParams(location.search).get(name) ?? "";
}

/** Sets a parameter of the query; an empty value removes it. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value) query.set(name, value);
  else query.delete(name);
  replace(location.pathname, query);
}

/** Sets the selected node; removes the tab, which belonged to another node. */
export function setNodePath(run: string, node: string): void {
  const query = new URLSearchParams(location.search);
  query.delete("tab");
  query.delete("node");
  replace(node ? `/runs/${run}/nodes/${node}/` : `/runs/${run}/`, query);
}

function replace(path: string, query: URLSearchParams): void {
  const asked = query.toString();
  const wanted = asked ? `${path}?${asked}` : path;
  if (wanted !== location.pathname + location.search) history.replaceState(history.state, "", wanted);
}
