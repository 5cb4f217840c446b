/**
 * Rungs as people choose them. Slides keep their height and save data by a coarser picture, so two
 * rungs of one height are told apart: `720` and `720-low`.
 */

/** Return `{value, lines, savesData, index}` of hls.js levels, best first. */
export function rungsOf(levels) {
  const sorted = levels
    .map(({ height, bitrate }, index) => ({ lines: height, bitrate, index }))
    .sort((a, b) => b.lines - a.lines || b.bitrate - a.bitrate);
  return sorted.map(({ lines, index }, at) => {
    const savesData = sorted[at - 1]?.lines === lines;
    return { value: savesData ? `${lines}-low` : String(lines), lines, savesData, index };
  });
}

/** Return the rung for a remembered choice: itself, else the best below it, else the lowest. */
export function rungFor(rungs, value) {
  const lines = Number.parseInt(value, 10);
  return (
    rungs.find((rung) => rung.value === value) ??
    rungs.find((rung) => rung.lines <= lines) ??
    rungs.at(-1) ??
    null
  );
}
