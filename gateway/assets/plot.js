// Draws the plots of a page: <figure data-plot="JSON"><div class="canvas">. Their data come with each reading.

const drawn = new Map();

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}


/** The colour as the browser computes it, with the theme. */
function resolved(name, probe) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function draw(figure) {
  const text = figure.dataset.plot;
  const canvas = figure.querySelector(".canvas");
  const known = drawn.get(canvas);
  const data = JSON.parse(text);
  const values = [data.times, ...data.series.map((series) => series.values)];
  if (known) {
    if (known.text !== text) known.plot.setData(values);
    known.text = text;
    return;
  }
  const probe = canvas.appendChild(document.createElement("span"));
  const ink = resolved("muted", probe);
  const grid = { stroke: resolved("line", probe), width: 1 };
  const axis = { stroke: ink, grid, ticks: grid, font: "11px system-ui" };
  const series = data.series.map(({ name, color, hasGaps }) => ({
    label: name,
    stroke: resolved(color, probe),
    width: 2,
    spanGaps: !hasGaps,
    points: { show: data.times.length < 3 },
    value: (_, value) => (value == null ? "–" : `${Number(value.toPrecision(3))} ${data.unit}`),
  }));
  probe.remove();
  const plot = new uPlot({
    width: canvas.clientWidth || 320,
    height: 160,
    cursor: { points: { size: 6 } },
    axes: [{ ...axis, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 46 }],
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    series: [{}, ...series],
  }, values, canvas);
  drawn.set(canvas, { plot, text });
  sizes.observe(canvas);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const known = drawn.get(target);
    if (known && target.clientWidth > 0) known.plot.setSize({ width: target.clientWidth, height: 160 });
  }
});

function drawAll() {
  for (const figure of document.querySelectorAll("figure[data-plot]")) draw(figure);
}

document.addEventListener("rhaid:theme", () => {
  for (const [canvas, { plot }] of drawn) {
    sizes.unobserve(canvas);
    plot.destroy();
  }
  drawn.clear();
  drawAll();
});
document.addEventListener("htmx:after:swap", drawAll);
drawAll();
