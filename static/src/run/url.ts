/** What the address of a run's page says: the chosen node, the tab of its panel, the open part of the drawer.
 *
 *   /runs/7/nodes/join_weather/?tab=output&drawer=logs
 *
 * It is replaced, never added to: the browser's "back" leaves the run.
 */

/** The value of a part of the query; empty: not said. */
export function readQuery(name: string): string {
  return new URLSearchParams(location.search).get(name) ?? "";
}

/** Keeps `value` under `name` in the address; empty: leaves it out. */
export function keepQuery(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value) query.set(name, value);
  else query.delete(name);
  replace(location.pathname, query);
}

/** Keeps the chosen node in the address; the tab of its panel was another node's and goes. */
export function keepChosen(run: string, node: string): void {
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
