/** The SVG path of a sparkline; dashboard/presenters/charts.py draws the same. */

const WIDTH = 150;
const HEIGHT = 34;

/** `values`: oldest first, from 0 to `most`; null leaves a gap. */
export function sparklinePath(values: readonly (number | null)[], most: number): string {
  const step = WIDTH / Math.max(1, values.length - 1);
  let path = "";
  let pen = "M";
  values.forEach((value, place) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const share = most > 0 ? Math.min(1, Math.max(0, value / most)) : 0;
    path += `${pen}${(place * step).toFixed(1)} ${(HEIGHT - 2 - share * (HEIGHT - 4)).toFixed(1)}`;
    pen = "L";
  });
  return path;
}
