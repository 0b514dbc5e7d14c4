/** Copies lines of a log as text. */

import { toast } from "../../behaviours/toast";
import { fill, gettext, ngettext } from "../../words/i18n";
import { count } from "../../words/words";
import { plainText } from "./log-line";
import type { LogSource } from "./log-source";
import type { SeqRanges } from "./ranges";

const COPY_MAX = 10_000;

/** Copies the selected lines, or else the last of those shown. A copy event takes them at once if they are loaded. */
export async function copyLines(
  source: LogSource,
  rows: SeqRanges,
  selected: readonly [number, number] | null,
  event: ClipboardEvent | null,
): Promise<void> {
  const from = selected ? rows.indexOf(selected[0]) : Math.max(0, rows.count - COPY_MAX);
  const upto = selected ? rows.indexOf(selected[1] + 1) : rows.count;
  const seqs: number[] = [];
  for (let index = from; index < Math.min(upto, from + COPY_MAX); index += 1) seqs.push(rows.at(index));
  if (!seqs.length) return;
  event?.preventDefault();
  const loaded = seqs.map((seq) => source.line(seq));
  if (event?.clipboardData && loaded.every((line) => line !== undefined)) {
    event.clipboardData.setData("text/plain", loaded.map((line) => plainText(line) + "\n").join(""));
    showCopied(seqs.length, upto - from);
    return;
  }
  try {
    const text = source.lines(seqs).then((lines) => lines.map((line) => plainText(line) + "\n").join(""));
    await navigator.clipboard.writeText(await text);
    showCopied(seqs.length, upto - from);
  } catch {
    toast(gettext("This browser blocks copying. Select the text and copy it yourself."), "error");
  }
}

function showCopied(lines: number, wanted: number): void {
  const copied = fill(ngettext("{n} line copied.", "{n} lines copied.", lines), { n: count(lines) });
  toast(lines < wanted ? `${copied} ${gettext("Download the log to get all lines.")}` : copied);
}
