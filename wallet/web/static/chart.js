// The line of what everything was worth: uPlot on a canvas. The numbers stand in a table beside it for who does not see it.
import uPlot from "uplot";

function draw(box) {
  const { times, values, unit, label } = JSON.parse(box.dataset.points);
  if (box.drawn || times.length < 2) return;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const locale = document.documentElement.lang;
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const hidden = document.documentElement.hasAttribute("data-private");
  box.drawn = new uPlot(
    {
      width: box.clientWidth,
      height: box.clientHeight,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: true } },
      axes: [
        { stroke: colour("--soft"), grid: { show: false }, ticks: { show: false }, font: "12px system-ui" },
        {
          stroke: colour("--soft"), size: hidden ? 10 : 64, ticks: { show: false }, font: "12px system-ui",
          grid: { stroke: colour("--line"), width: 1 },
          values: (_, ticks) => ticks.map((tick) => (hidden ? "" : number.format(tick))),
        },
      ],
      series: [
        {},
        { label: `${label} ${unit}`, stroke: colour("--accent"), width: 2, fill: colour("--accent-wash"), spanGaps: false, points: { show: false } },
      ],
    },
    [times, values],
    box,
  );
}

const all = () => document.querySelectorAll(".chart-box[data-points]").forEach(draw);
document.addEventListener("htmx:afterSettle", all);
addEventListener("resize", () => {
  for (const box of document.querySelectorAll(".chart-box[data-points]")) {
    box.drawn?.setSize({ width: box.clientWidth, height: box.clientHeight });
  }
});
all();
