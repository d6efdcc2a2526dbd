// One row of coloured cells for each unit; the cell that is pointed at says its value.

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// Two digits after the point, or two that count where the value is small.
const read = (value) =>
  value === 0 || Math.abs(value) >= 0.1
    ? show(value)
    : value.toPrecision(2).replace("-", "\u2212");

const layOut = ({ rows, columns }) => {
  const left = Math.min(120, Math.max(...rows.map(widthOf))) + 10;
  const widths = columns.map((text) => Math.min(widthOf(text), 100));
  const upright = Math.min(48, (740 - left) / columns.length);
  const slanted = Math.max(...widths) > upright - 4;
  const room = 740 - left - (slanted ? 0.65 * widths[widths.length - 1] : 0);
  const wide = Math.min(48, room / columns.length);
  const top = slanted ? 0.75 * Math.max(...widths) + 16 : 24;
  const high = Math.max(15, Math.min(30, 330 / rows.length));
  return { left, top, wide, high, slanted, bottom: top + high * rows.length };
};

const addNames = (svg, { rows, columns }, { left, top, wide, high, slanted }) => {
  const names = columns.map((text, c) => {
    const x = left + wide * (c + 0.5);
    const place = slanted
      ? { transform: `translate(${x} ${top - 6}) rotate(-48)` }
      : { x, y: top - 7, "text-anchor": "middle" };
    return add(svg, "text", place, shorten(text, 96));
  });
  const sides = rows.map((text, r) =>
    add(svg, "text", {
      x: left - 8, y: top + high * (r + 0.5) + 4.5, "text-anchor": "end",
    }, shorten(text, 116)));
  return { names, sides };
};

const addScale = (svg, { low, high, quantity, colours }, top) => {
  const [left, wide] = [740 - 240, 180];
  colours.shades.forEach((fill, i) => add(svg, "rect", {
    x: left + (wide * i) / colours.shades.length, y: top,
    width: wide / colours.shades.length + 0.5, height: 12, fill,
  }));
  add(svg, "rect", { x: left, y: top, width: wide, height: 12, fill: "none", stroke: "#8c8c8c" });
  const text = { y: top + 11, class: "quiet" };
  add(svg, "text", { ...text, x: left - 6, "text-anchor": "end" }, `${quantity}  ${read(low)}`);
  add(svg, "text", { ...text, x: left + wide + 6 }, read(high));
};

const draw = (page, data) => {
  const { rows, columns, values, allowed, colours, low, high } = data;
  const plan = layOut(data);
  const svg = addCanvas(page, data, plan.bottom + 34);
  const { names, sides } = addNames(svg, data, plan);
  const shade = (value) => {
    const share = Math.max(0, Math.min(1, (value - low) / (high - low)));
    return colours.shades[Math.round(share * (colours.shades.length - 1))];
  };
  const place = (r, c) => ({
    x: plan.left + plan.wide * c, y: plan.top + plan.high * r,
    width: plan.wide, height: plan.high,
  });
  const field = add(svg, "g", {
    tabindex: 0, role: "application", "aria-roledescription": "grid of values",
    "aria-label": `${rows.length} rows by ${columns.length} columns: ` +
      "arrow keys walk from cell to cell",
  });
  values.forEach((row, r) => row.forEach((value, c) => add(field, "rect", {
    ...place(r, c), class: "cell", "data-row": r, "data-column": c, stroke: "#fff",
    fill: allowed[c] ? shade(value) : page.hatch,
  })));
  const cursor = add(field, "rect", {
    fill: "none", stroke: "#222", "stroke-width": 3, "pointer-events": "none",
    visibility: "hidden",
  });
  addScale(svg, data, plan.bottom + 14);

  const hint = "Point at a cell, or walk there with the arrow keys, to read its value.";
  let at = null;
  const readout = addControls(page, () => select(null));
  const select = (cell) => {
    at = cell;
    names.forEach((name, c) => set(name, { class: at?.[1] === c ? "name" : "" }));
    sides.forEach((side, r) => set(side, { class: at?.[0] === r ? "name" : "" }));
    set(cursor, { ...place(...(at ?? [0, 0])), visibility: at ? "visible" : "hidden" });
    readout.textContent = at
      ? `${rows[at[0]]} at ${columns[at[1]]}: ` +
        (allowed[at[1]] ? read(values[at[0]][at[1]]) : "padding")
      : hint;
  };
  const point = (event) => {
    const { row, column } = event.target.dataset;
    if (row !== undefined) select([Number(row), Number(column)]);
  };
  field.addEventListener("pointerover", point);
  field.addEventListener("pointerdown", point);
  field.addEventListener("focus", () => at ?? select([0, 0]));
  field.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const [r, c] = at ?? [0, 0];
    select([
      Math.max(0, Math.min(rows.length - 1, r + move[0])),
      Math.max(0, Math.min(columns.length - 1, c + move[1])),
    ]);
  });
  select(null);
};
