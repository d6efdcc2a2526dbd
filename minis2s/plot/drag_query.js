// Keys and a query in one plane, values and the context in another, weights as bars.

const SIDE = 216; // of a plane
const TOP = 40;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const STRETCHES = { "+": 1.1, "=": 1.1, "-": 1 / 1.1 };

// weights = softmax(scale * keys query) over what may be attended to, else zeros.
const attend = ({ keys, values, allowed, scale }, query) => {
  const scores = keys.map((key) => scale * (key[0] * query[0] + key[1] * query[1]));
  const most = Math.max(...scores.filter((_, i) => allowed[i]));
  const votes = scores.map((score, i) => (allowed[i] ? Math.exp(score - most) : 0));
  const sum = votes.reduce((a, b) => a + b, 0);
  const weights = votes.map((vote) => (sum > 0 ? vote / sum : 0));
  const context = [0, 1].map((axis) =>
    weights.reduce((total, weight, i) => total + weight * values[i][axis], 0));
  return { weights, context };
};

// A square piece of the plane, [-reach, reach] both ways; `at` maps points into it.
const addPlane = (svg, left, heading, { reach, ticks }) => {
  add(svg, "text", { x: left, y: TOP - 14, class: "name" }, heading);
  const square = add(svg, "rect", {
    x: left, y: TOP, width: SIDE, height: SIDE, fill: "#fff", stroke: "#8c8c8c",
  });
  const at = ([x, y]) => [
    left + (SIDE / 2) * (1 + x / reach), TOP + (SIDE / 2) * (1 - y / reach),
  ];
  const addLine = (from, to, stroke) => {
    const [[x1, y1], [x2, y2]] = [at(from), at(to)];
    add(svg, "line", { x1, y1, x2, y2, stroke, "pointer-events": "none" });
  };
  for (const tick of ticks) {
    const colour = tick === 0 ? "#8c8c8c" : "#e0e0e0";
    addLine([tick, -reach], [tick, reach], colour);
    addLine([-reach, tick], [reach, tick], colour);
    add(svg, "text", {
      x: at([tick, 0])[0], y: TOP + SIDE + 17, class: "quiet", "text-anchor": "middle",
    }, tick.toString().replace("-", "\u2212"));
  }
  return { square, at, reach };
};

const addDot = (svg, plane, point, look) => {
  const [cx, cy] = plane.at(point);
  return add(svg, "circle", { cx, cy, "pointer-events": "none", ...look });
};

const addWords = (svg, plane, words, gap) => {
  for (const { point, text, side: [right, up] } of words) {
    const [x, y] = plane.at(point);
    add(svg, "text", {
      x: x + gap * right, y: y - (gap + 2) * up + 4.5, class: "word",
      "text-anchor": ["end", "middle", "start"][right + 1],
    }, text);
  }
};

const addKeys = (svg, plane, { keys, keyWords, allowed, colours }, hatch) => {
  keys.forEach((key, i) => addDot(svg, plane, key, {
    r: 6, fill: allowed[i] ? colours.key : hatch,
    stroke: allowed[i] ? colours.key : colours.padding,
  }));
  addWords(svg, plane, keyWords, 9);
};

// Returns a function that shows other weights: as the sizes of the values' dots, and in
// the place of the context.
const addValues = (svg, plane, { values, valueWords, hull, allowed, colours }, hatch) => {
  add(svg, "polygon", {
    points: hull.map((point) => plane.at(point).join(",")).join(" "),
    fill: colours.value, "fill-opacity": 0.1,
    stroke: colours.value, "stroke-dasharray": "4 3",
  });
  const dots = values.map((value, i) => {
    addDot(svg, plane, value, {
      r: allowed[i] ? 3.5 : 6, fill: allowed[i] ? "#fff" : hatch,
      stroke: allowed[i] ? colours.value : colours.padding,
    });
    return addDot(svg, plane, value, { fill: colours.value, "fill-opacity": 0.8 });
  });
  addWords(svg, plane, valueWords, 13); // beyond the largest dot
  const mixed = addDot(svg, plane, [0, 0], {
    r: 7, fill: colours.context, stroke: "#fff", "stroke-width": 2, class: "context",
  });
  return (weights, context) => {
    dots.forEach((dot, i) => set(dot, { r: 13 * Math.sqrt(weights[i]) }));
    const [cx, cy] = plane.at(context);
    set(mixed, { cx, cy, "data-x": context[0], "data-y": context[1] });
  };
};

// Returns a function that shows other weights.
const addBars = (svg, { labels, allowed, colours }, hatch) => {
  const left = 500;
  const names = Math.min(96, Math.max(...labels.map(widthOf)) + 4);
  const [start, room] = [left + names + 4, 740 - left - names - 50];
  const high = Math.min(38, SIDE / labels.length);
  add(svg, "text", { x: left, y: TOP - 14, class: "name" }, "weights");
  const bars = labels.map((label, i) => {
    const middle = TOP + high * (i + 0.5);
    const word = add(svg, "text", {
      x: start - 8, y: middle + 4.5, "text-anchor": "end",
    }, shorten(label, names - 4));
    add(word, "title", {}, label);
    const track = { x: start, y: middle - high * 0.36, height: high * 0.72 };
    add(svg, "rect", { ...track, width: room, fill: allowed[i] ? "#f2f2f2" : hatch });
    return {
      bar: add(svg, "rect", { ...track, class: "bar", fill: colours.key }),
      number: add(svg, "text", { x: start + room + 8, y: middle + 4.5 }),
    };
  });
  return (weights) => bars.forEach(({ bar, number }, i) => {
    set(bar, { width: room * weights[i], "data-weight": weights[i] });
    number.textContent = show(weights[i]);
  });
};

// Returns the arrow, and a function that moves its head.
const addArrow = (svg, plane, colour) => {
  const arrow = add(svg, "g", {
    tabindex: 0, role: "application", "aria-roledescription": "arrow",
    "aria-label": "query: arrow keys move it, plus and minus stretch it",
    stroke: colour, fill: colour, style: "cursor: grab",
  });
  const shaft = add(arrow, "line", { "stroke-width": 3 });
  const head = add(arrow, "polygon", { points: "0,0 -13,-6 -13,6", stroke: "none" });
  const grip = add(arrow, "circle", { r: 13, class: "ring", "fill-opacity": 0.15 });
  const word = add(arrow, "text", { class: "name word", style: `fill: ${colour}` }, "query");
  const move = (query) => {
    const [[x1, y1], [x2, y2]] = [plane.at([0, 0]), plane.at(query)];
    const turned = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
    const right = query[0] > plane.reach * 0.5;
    set(arrow, { "data-x": query[0], "data-y": query[1] });
    set(shaft, { x1, y1, x2, y2 });
    set(head, { transform: `translate(${x2} ${y2}) rotate(${turned})` });
    set(grip, { cx: x2, cy: y2 });
    set(word, {
      x: x2 + (right ? -18 : 18), y: Math.max(y2 + 4, TOP + 12),
      "text-anchor": right ? "end" : "start",
    });
  };
  return { arrow, move };
};

// The point of a plane that is under the pointer.
const pointUnder = (event, svg, plane) => {
  const { x, y } = new DOMPoint(event.clientX, event.clientY)
    .matrixTransform(svg.getScreenCTM().inverse());
  const [x0, y0] = plane.at([0, 0]);
  const unit = SIDE / 2 / plane.reach;
  return [(x - x0) / unit, (y0 - y) / unit];
};

const say = ({ labels }, query, weights, context) => {
  const pair = ([x, y]) => `(${show(x)}, ${show(y)})`;
  const best = weights.indexOf(Math.max(...weights));
  const winner = weights[best] > 0
    ? `Most goes to ${labels[best]}: ${show(weights[best])}.`
    : "Nothing may be attended to.";
  const length = show(Math.hypot(...query));
  return `Query ${pair(query)}, length ${length}. ${winner} Context ${pair(context)}.`;
};

const draw = (page, data) => {
  const svg = addCanvas(page, data, TOP + SIDE + 26);
  const asking = addPlane(svg, 12, "keys and query", data.asking);
  const giving = addPlane(svg, 256, "values and context (\u25cf)", data.giving);
  addKeys(svg, asking, data, page.hatch);
  const showValues = addValues(svg, giving, data, page.hatch);
  const showBars = addBars(svg, data, page.hatch);
  const { arrow, move } = addArrow(svg, asking, data.colours.query);
  add(page.main, "p", { class: "hint" },
    "Drag the arrow, or press the arrow keys on it; + and \u2212 stretch it.");
  const readout = addControls(page, () => turn(data.query));

  let query = data.query;
  const turn = (to) => {
    query = to.map((x) => Math.max(-asking.reach, Math.min(asking.reach, x)));
    const { weights, context } = attend(data, query);
    move(query);
    showValues(weights, context);
    showBars(weights);
    readout.textContent = say(data, query, weights, context);
  };
  const stretch = (factor) => {
    const room = asking.reach / Math.max(...query.map(Math.abs));
    turn(query.map((x) => x * Math.min(factor, room)));
  };
  const step = (by, share) => turn(query.map((x, axis) => x + by[axis] * share * asking.reach));

  for (const handle of [asking.square, arrow]) {
    handle.style.touchAction = "none"; // a finger on the plane drags, and does not scroll
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.setPointerCapture(event.pointerId);
      arrow.focus({ preventScroll: true });
      turn(pointUnder(event, svg, asking));
    });
    handle.addEventListener("pointermove", (event) => {
      if (handle.hasPointerCapture(event.pointerId)) turn(pointUnder(event, svg, asking));
    });
  }
  arrow.addEventListener("keydown", (event) => {
    if (event.key in STEPS) step(STEPS[event.key], event.shiftKey ? 0.005 : 0.05);
    else if (event.key in STRETCHES) stretch(STRETCHES[event.key]);
    else return;
    event.preventDefault();
  });
  turn(query);
};
