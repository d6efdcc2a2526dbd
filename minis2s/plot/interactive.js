// What every interactive figure shares. A kind's own file defines draw(page, data).

const SVG = "http://www.w3.org/2000/svg";

// A number with two digits and a real minus sign, as the prose of the lessons has it.
const show = (number, digits = 2) => {
  const text = number.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "\u2212");
};

// About how many units a text is wide; an ideograph counts as two letters.
const widthOf = (text) =>
  [...text].reduce((sum, c) => sum + (c > "\u2e7f" ? 14 : 7.4), 0);

const shorten = (text, width) => {
  const letters = [...text];
  while (letters.length > 1 && widthOf(letters.join("")) > width) letters.pop();
  return letters.length < [...text].length ? letters.join("") + "\u2026" : text;
};

const set = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

// A new element in `parent`. Text goes in as text, so that no label is ever markup.
const add = (parent, tag, attributes = {}, text = "") => {
  const drawn = parent.namespaceURI === SVG || tag === "svg";
  const node = drawn
    ? document.createElementNS(SVG, tag)
    : document.createElement(tag);
  if (text !== "") node.textContent = text;
  parent.append(set(node, attributes));
  return node;
};

// The drawing area, with the hatch that means padding in every figure.
const addCanvas = (page, data, height) => {
  const box = add(page.main, "div", { class: "canvas" });
  const svg = add(box, "svg", { viewBox: `0 0 740 ${height}` });
  const hatch = add(add(svg, "defs"), "pattern", {
    id: `${page.name}-padding`, width: 6, height: 6,
    patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
  });
  add(hatch, "rect", { width: 6, height: 6, fill: "#fff" });
  add(hatch, "rect", { width: 2, height: 6, fill: data.colours.padding });
  page.hatch = `url(#${page.name}-padding)`;
  return svg;
};

// What is under the canvas: a sentence that is read out when it changes, and "reset".
const addControls = (page, reset) => {
  const row = add(page.main, "div", { class: "controls" });
  const readout = add(row, "p", { class: "readout", role: "status" });
  const button = add(row, "button", { type: "button" }, "reset");
  button.addEventListener("click", reset);
  return readout;
};

// Replaces the picture by the live figure: what is in a shadow hides what was there
// before, and the page's styles and ids do not reach into it. A notebook may show one
// output twice, so every element with this id comes to life.
const mount = (name, style, data, draw) => {
  for (const host of document.querySelectorAll(`[id="${name}"]`)) {
    if (host.shadowRoot) continue;
    const parts = document.createDocumentFragment();
    add(parts, "style", {}, style);
    const main = add(parts, "section", { class: "figure", "aria-label": data.title });
    add(main, "p", { class: "title" }, data.title);
    draw({ main, name }, data);
    add(main, "p", { class: "caption" }, data.caption);
    host.attachShadow({ mode: "open" }).append(parts);
  }
};
