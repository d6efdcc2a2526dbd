// Precomputed frames of lines or bars; the slider chooses which one is shown.

const PLOT = { left: 56, top: 34, bottom: 250 };

// Where numbers lie on the page, and whether the words below need a slant.
const layOut = ({ bars, series, xTicks, xLimits: [x0, x1], yLimits: [y0, y1] }) => {
  const names = Math.min(150, Math.max(...series.map(widthOf)) + 16);
  const right = 740 - (bars ? 10 : names);
  const across = (x) => PLOT.left + ((x - x0) / (x1 - x0)) * (right - PLOT.left);
  const up = (y) => PLOT.bottom - ((y - y0) / (y1 - y0)) * (PLOT.bottom - PLOT.top);
  const widest = Math.min(104, Math.max(...xTicks.map(({ text }) => widthOf(text))));
  const slanted = bars && widest > (right - PLOT.left) / xTicks.length - 6;
  const low = PLOT.bottom + (slanted ? 0.7 * widest + 12 : 24);
  return { across, up, right, slanted, low };
};

const addAxes = (svg, { xTicks, yTicks, xLabel, yLabel }, { across, up, right, slanted, low }) => {
  add(svg, "text", { x: 4, y: 16, class: "quiet" }, yLabel);
  const middle = (PLOT.left + right) / 2;
  add(svg, "text", { x: middle, y: low + 18, class: "quiet", "text-anchor": "middle" }, xLabel);
  for (const { at, text } of yTicks) {
    const y = up(at);
    const stroke = at === 0 ? "#8c8c8c" : "#e0e0e0";
    add(svg, "line", { x1: PLOT.left, x2: right, y1: y, y2: y, stroke });
    add(svg, "text", {
      x: PLOT.left - 8, y: y + 4, class: "quiet", "text-anchor": "end",
    }, text);
  }
  for (const { at, text } of xTicks) {
    const place = slanted
      ? { transform: `translate(${across(at) + 4} ${PLOT.bottom + 16}) rotate(-45)` }
      : { x: across(at), y: PLOT.bottom + 20 };
    const word = add(svg, "text", {
      ...place, "text-anchor": slanted ? "end" : "middle",
    }, shorten(text, 104));
    add(word, "title", {}, text);
  }
};

// Names at the ends of lines, moved apart where they would overlap.
const spread = (heights, gap, lowest) => {
  const order = heights.map((y, i) => [y, i]).sort((a, b) => a[0] - b[0]);
  for (let round = 0; round < 100 * order.length; round++) {
    let moved = false;
    for (let i = 0; i + 1 < order.length; i++) {
      const lacking = gap - (order[i + 1][0] - order[i][0]);
      if (lacking < 1e-9) continue;
      order[i][0] -= lacking / 2;
      order[i + 1][0] += lacking / 2;
      moved = true;
    }
    if (!moved) break;
  }
  const places = [];
  order.forEach(([y, i], k) => {
    places[i] = Math.min(y, lowest - gap * (order.length - 1 - k));
  });
  return places;
};

const addLines = (svg, { places, series, colours }, { across, up }) => {
  const end = across(Math.max(...places)) + 8;
  const lines = series.map((_, i) => add(svg, "polyline", {
    fill: "none", stroke: colours.series[i], "stroke-width": 2.5, class: "line",
  }));
  const names = series.map((name, i) => add(svg, "text", {
    x: end, class: "name", style: `fill: ${colours.series[i]}`,
  }, shorten(name, 134)));
  return (frame) => {
    const ends = spread(frame.map((heights) => up(heights[heights.length - 1])), 16, PLOT.bottom);
    frame.forEach((heights, i) => {
      const points = heights.map((y, j) => `${across(places[j])},${up(y)}`);
      set(lines[i], { points: points.join(" ") });
      set(names[i], { y: ends[i] + 4 });
    });
  };
};

const addBars = (svg, { frames, places, series, colours }, { across, up }) => {
  const wide = (0.8 * (across(1) - across(0))) / series.length;
  const named = series.length > 1;
  const numbered = places.length * series.length <= 14;
  const digits = frames.flat(2).every(Number.isInteger) ? 0 : 2;  // a count has none
  const bars = series.map((name, i) => {
    if (named) {
      add(svg, "text", {
        x: 730, y: 16 + 16 * i, class: "name", "text-anchor": "end",
        style: `fill: ${colours.series[i]}`,
      }, name);
    }
    return places.map((place) => {
      const x = across(place) + (i - series.length / 2) * wide;
      const look = { width: 0.94 * wide, fill: colours.series[i], class: "bar" };
      const middle = { x: x + 0.47 * wide, "text-anchor": "middle" };
      return {
        bar: add(svg, "rect", { x, ...look }),
        number: add(svg, "text", { ...middle, class: "quiet" }),
      };
    });
  });
  return (frame) => frame.forEach((heights, i) => heights.forEach((height, j) => {
    const { bar, number } = bars[i][j];
    const [from, to] = [up(Math.max(height, 0)), up(Math.min(height, 0))];
    set(bar, { y: from, height: to - from, "data-value": height });
    set(number, { y: height < 0 ? to + 14 : from - 5 });
    number.textContent = numbered ? show(height, digits) : "";
  }));
};

const draw = (page, data) => {
  const plan = layOut(data);
  const svg = addCanvas(page, data, plan.low + (data.xLabel ? 26 : 6));
  addAxes(svg, data, plan);
  const showFrame = (data.bars ? addBars : addLines)(svg, data, plan);

  const row = add(page.main, "label");
  add(row, "span", {}, data.control);
  const range = add(row, "input", {
    type: "range", min: 0, max: data.frames.length - 1, step: 1, "aria-label": data.control,
  });
  const step = add(row, "span", { class: "step" });
  const readout = addControls(page, () => go(data.start));
  const go = (frame) => {
    range.value = frame;
    set(range, { "aria-valuetext": data.steps[frame] });
    step.textContent = data.steps[frame];
    readout.textContent = data.notes[frame];
    showFrame(data.frames[frame]);
  };
  range.addEventListener("input", () => go(Number(range.value)));
  go(data.start);
};
