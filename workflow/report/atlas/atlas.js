"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const NAMES = ["++", "+-", "-+", "--"], SIGNS = [[1, 1], [1, -1], [-1, 1], [-1, -1]], MIRROR = [0, 2, 1, 3];
  const S = data.hinges.length, M = S / 2, TURN = 2 * Math.PI, minus = (text) => String(text).replace("-", "−");
  const text = (number) => {
    const size = Math.abs(number);
    return minus(size && (size < 1e-3 || size >= 1e5) ? number.toExponential(2) : Number(number.toPrecision(4)));
  };
  const edges = [...data.angles, data.angles[0] + TURN];
  const state = { at: [0, 0], convention: "exists", scale: "equal", layers: { paths: false, basins: false, walls: true } };

  // Cells: the data hold those with a ≤ b; the others are their mirror images.
  const row = (a, b) => (a * (2 * S - a + 1)) / 2 + b - a;
  function cell(a, b) {
    const turned = a > b, n = turned ? row(b, a) : row(a, b);
    const order = (s) => (turned ? MIRROR[s] : s);
    const swap = (R) => (R && turned ? [R[2], R[3], R[0], R[1]] : R);
    return {
      a, b, loss: data.loss[n], unique: data.unique[n] === "1", R: swap(data.R[n]),
      quality: (s) => "_bg"[data.quality[n][order(s)]],
      margin: (s) => data.margin[n][order(s)],
      level: (s) => data.levels[data.level[n][order(s)]],
      witness: (s) => swap(data.witness[4 * n + order(s)]),
    };
  }
  const wrap = (angle) => ((((angle - edges[0]) % TURN) + TURN) % TURN) + edges[0];
  function sectorOf(angle) {
    const turned = wrap(angle);
    let low = 0, high = S;
    while (high - low > 1) { const mid = (low + high) >> 1; if (edges[mid] <= turned) low = mid; else high = mid; }
    return low;
  }
  const middle = (k) => (edges[k] + edges[k + 1]) / 2;
  const place = (angle) => {  // an angle on the axis, from 0 to 1
    const turned = wrap(angle);
    if (state.scale === "angle") return (turned - edges[0]) / TURN;
    const k = sectorOf(turned);
    return (k + (turned - edges[k]) / (edges[k + 1] - edges[k])) / S;
  };
  const edge = (k) => (state.scale === "angle" ? (edges[k] - edges[0]) / TURN : k / S);
  const angleAt = (share) => {
    if (state.scale === "angle") return edges[0] + share * TURN;
    const k = Math.min(S - 1, Math.floor(share * S));
    return edges[k] + (share * S - k) * (edges[k + 1] - edges[k]);
  };

  // Neurons in words. Inputs are shown in the data's units: x = center + unit · u.
  const shown = (u) => data.center + data.unit * u;
  const spread = data.unit * (data.x[data.x.length - 1] - data.x[0]);
  const axis = (u, digits) => minus(shown(u).toFixed(Math.min(100, Math.max(0, digits - 1 - Math.floor(Math.log10(spread))))));
  const neuron = (angle) => {
    const slope = Math.cos(angle), offset = Math.sin(angle), k = sectorOf(angle);
    if (k === S - 1) return "active on no sample";
    if (k === M - 1) return "active on every sample";
    return `hinge at ${axis(-offset / slope, 3)}, active to the ${slope > 0 ? "right" : "left"}`;
  };
  const allowed = () => data.allowed[state.convention];
  const direction = (R, s, j) => Math.atan2(SIGNS[s][j] * R[2 * j + 1], SIGNS[s][j] * R[2 * j]);

  // Colours: cividis, whose lightness alone tells the order.
  const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]];
  const [lowest, highest] = data.range;
  function colour(loss) {
    const t = 9 * (1 - Math.min(1, Math.max(0, (loss - lowest) / (highest - lowest || 1)))), i = Math.min(8, Math.floor(t));
    return `rgb(${CIVIDIS[i].map((from, c) => Math.round(from + (t - i) * (CIVIDIS[i + 1][c] - from))).join(",")})`;
  }

  // The map
  const canvas = $("map"), margin = { left: 54, bottom: 42 };
  function frame() {
    const size = canvas.clientWidth, inner = size - margin.left - 8;
    return { size, inner, x: (t) => margin.left + t * inner, y: (t) => 8 + (1 - t) * inner };
  }
  function draw() {
    const f = frame(), dense = window.devicePixelRatio || 1;
    if (!f.size) return;
    canvas.width = canvas.height = Math.round(f.size * dense);
    const pen = canvas.getContext("2d"), ink = getComputedStyle(document.body).color;
    pen.scale(dense, dense);
    const box = (a, b) => [f.x(edge(a)), f.y(edge(b + 1)), f.inner * (edge(a + 1) - edge(a)), f.inner * (edge(b + 1) - edge(b))];
    for (let a = 0; a < S; a++) for (let b = 0; b < S; b++) {
      pen.fillStyle = colour(cell(a, b).loss);
      const [x, y, w, h] = box(a, b), gap = Math.min(w, h) > 4 ? 0.6 : 0;
      pen.fillRect(x, y, w - gap, h - gap);
    }
    drawGenuine(pen, box);
    if (state.layers.basins) drawBasins(pen, f);
    if (state.layers.paths) drawPaths(pen, f);
    if (state.layers.walls) drawWalls(pen, f);
    drawAxes(pen, f, ink);
    drawChosen(pen, f, box);
  }
  function drawGenuine(pen, box) {
    for (let a = 0; a < S; a++) for (let b = 0; b < S; b++) {
      const here = cell(a, b), found = allowed().map(here.quality);
      const kind = found.includes("g") ? "g" : found.includes("b") ? "b" : "";
      if (!kind) continue;
      const [x, y, w, h] = box(a, b), inset = Math.min(1.5, w / 4, h / 4);
      pen.strokeStyle = "#fff"; pen.lineWidth = 4.5; pen.strokeRect(x + inset, y + inset, w - 2 * inset, h - 2 * inset);
      pen.strokeStyle = "#000"; pen.lineWidth = 2.2; pen.strokeRect(x + inset, y + inset, w - 2 * inset, h - 2 * inset);
      if (kind === "g") mark(pen, "★", x + w / 2, y + h / 2, Math.max(13, Math.min(w, h)));
    }
  }
  function mark(pen, sign, x, y, size) {
    pen.font = `${size}px "DejaVu Sans", sans-serif`; pen.textAlign = "center"; pen.textBaseline = "middle";
    pen.lineWidth = 3; pen.strokeStyle = "#fff"; pen.strokeText(sign, x, y); pen.fillStyle = "#000"; pen.fillText(sign, x, y);
  }
  function drawWalls(pen, f) {
    for (const wall of data.walls) if (allowed().includes(wall.s)) mark(pen, wall.lowest ? "★" : "◆", f.x(place(wall.at[0])), f.y(place(wall.at[1])), wall.lowest ? 17 : 10);
  }
  function line(pen, f, points, style, width) {
    pen.strokeStyle = style; pen.lineWidth = width; pen.beginPath();
    let last = null;
    for (const [t, u] of points.map((p) => [place(p[0]), place(p[1])])) {
      if (!last || Math.abs(t - last[0]) > 0.5 || Math.abs(u - last[1]) > 0.5) pen.moveTo(f.x(t), f.y(u)); else pen.lineTo(f.x(t), f.y(u));
      last = [t, u];
    }
    pen.stroke();
  }
  function chosenRuns() {  // from every start the run that ends lowest, of the sign vectors allowed
    const best = new Map();
    for (const run of data.runs) if (allowed().includes(run.s)) {
      const key = run.path[0].join();
      if (!best.has(key) || run.loss < best.get(key).loss) best.set(key, run);
    }
    return [...best.values()];
  }
  function drawPaths(pen, f) {
    for (const run of chosenRuns()) {
      line(pen, f, run.path, "#fff", 2.6); line(pen, f, run.path, "#000", 1.1);
      const [x, y] = run.path[run.path.length - 1];
      pen.fillStyle = "#000"; pen.beginPath(); pen.arc(f.x(place(x)), f.y(place(y)), 2.2, 0, TURN); pen.fill();
    }
  }
  function drawBasins(pen, f) {
    const r = Math.max(3.5, Math.min(8, f.inner / 60));
    for (const run of chosenRuns()) {
      const x = f.x(place(run.path[0][0])), y = f.y(place(run.path[0][1]));
      pen.beginPath();
      if (run.kind === "w") { pen.moveTo(x, y - r); pen.lineTo(x + r, y); pen.lineTo(x, y + r); pen.lineTo(x - r, y); pen.closePath(); } else pen.arc(x, y, r, 0, TURN);
      pen.fillStyle = colour(run.loss); pen.fill();
      pen.strokeStyle = "#fff"; pen.lineWidth = 3; pen.stroke(); pen.strokeStyle = "#000"; pen.lineWidth = 1.2; pen.stroke();
      if (run.kind === "z") mark(pen, "×", x, y, 2 * r);
    }
  }
  function drawAxes(pen, f, ink) {
    pen.fillStyle = ink; pen.font = "12px system-ui, sans-serif"; pen.textBaseline = "middle";
    const ticks = [];
    const few = [M / 5, M / 2, M - 1 - M / 5].map(Math.floor);
    for (const k of few) ticks.push([edge(k), `›${axis(data.hinges[k], 2)}`], [edge(k + M), `‹${axis(data.hinges[k + M], 2)}`]);
    ticks.push([(edge(M - 1) + edge(M)) / 2, "all"], [(edge(S - 1) + 1) / 2, "none"]);
    const seen = [];
    for (const [t, label] of ticks.sort((p, q) => (p[1].length > 3) - (q[1].length > 3))) {
      const wide = pen.measureText(label).width + 8;
      if (seen.some((u) => Math.abs(u - t) * f.inner < wide)) continue;
      seen.push(t);
      pen.textAlign = "center"; pen.fillText(label, Math.min(f.x(t), f.size - wide / 2), f.y(0) + 13);
      pen.textAlign = "right"; pen.fillText(label, f.x(0) - 5, f.y(t));
    }
    pen.textAlign = "center"; pen.fillText("neuron 1: active right (›) or left (‹) of a hinge", f.x(0.5), f.size - 8);
    pen.save(); pen.translate(8, f.y(0.5)); pen.rotate(-Math.PI / 2); pen.fillText("neuron 2", 0, 0); pen.restore();
  }
  function drawChosen(pen, f, box) {
    const here = chosen(), [x, y, w, h] = box(here.a, here.b), target = elsewhere(here);
    pen.setLineDash([4, 3]); pen.lineWidth = 4; pen.strokeStyle = "#fff"; pen.strokeRect(x - 2, y - 2, w + 4, h + 4);
    pen.lineWidth = 2; pen.strokeStyle = "#d00"; pen.strokeRect(x - 2, y - 2, w + 4, h + 4); pen.setLineDash([]);
    const at = [f.x(place(state.at[0])), f.y(place(state.at[1]))];
    if (target) {
      const to = [f.x(place(target[0])), f.y(place(target[1]))];
      pen.beginPath(); pen.moveTo(...at); pen.lineTo(...to); pen.strokeStyle = "#fff"; pen.lineWidth = 4; pen.stroke(); pen.strokeStyle = "#d00"; pen.lineWidth = 1.6; pen.stroke();
      mark(pen, "⊕", to[0], to[1], 18);
    }
    pen.beginPath(); pen.arc(...at, 6, 0, TURN); pen.lineWidth = 5; pen.strokeStyle = "#fff"; pen.stroke(); pen.lineWidth = 2.5; pen.strokeStyle = "#d00"; pen.stroke();
  }

  // The chosen cell
  const chosen = () => cell(sectorOf(state.at[0]), sectorOf(state.at[1]));
  const verdict = (here) => {
    const s = allowed().find((n) => here.quality(n) === "g") ?? allowed().find((n) => here.quality(n) === "b");
    return { s: s ?? allowed()[0], genuine: s !== undefined };
  };
  function elsewhere(here) {  // the directions of a minimum that is not genuine; a silent neuron keeps its own
    const { s, genuine } = verdict(here);
    if (genuine) return null;
    return [0, 1].map((j) => (here.R[2 * j] || here.R[2 * j + 1] ? direction(here.R, s, j) : state.at[j]));
  }
  const QUALITY = { b: "genuine, bad", g: "genuine, global", _: "not genuine" };
  function describe() {
    const here = chosen(), { s, genuine } = verdict(here), target = elsewhere(here);
    const rows = NAMES.map((name, n) => `<tr${allowed().includes(n) ? ' class="on"' : ""}><th scope="row">${minus(name[0])} ${minus(name[1])}</th><td>${QUALITY[here.quality(n)]}</td><td class="number">${here.margin(n) === null ? "−∞" : text(here.margin(n))}</td><td>${here.level(n)}</td></tr>`);
    const where = target ? `<dt>minimum lies at</dt><dd id="elsewhere">neuron 1: ${neuron(target[0])}; neuron 2: ${neuron(target[1])}</dd>` : "";
    const network = best(s);
    $("details").innerHTML = `<h3 id="verdict">${genuine ? QUALITY[here.quality(s)] : "not genuine"}</h3>
      <dl><dt>cell</dt><dd id="cell">${here.a + 1}, ${here.b + 1} of ${S} × ${S}</dd>
      <dt>neuron 1</dt><dd>${neuron(state.at[0])}</dd><dt>neuron 2</dt><dd>${neuron(state.at[1])}</dd>
      <dt>loss at the minimum</dt><dd id="loss">${text(here.loss)}${here.unique ? "" : " (continuous: the minimiser is not unique)"}</dd>
      <dt>best with these hinges</dt><dd id="here">${text(network.loss)} (${minus(NAMES[s][0])} ${minus(NAMES[s][1])})</dd>
      <dt>lowest of all networks</dt><dd>${text(data.best)}</dd>${where}</dl>
      <table><thead><tr><th scope="col">signs</th><th scope="col">verdict</th><th scope="col" class="number">margin</th><th scope="col">certificate</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
  }

  // The best network with the two directions as they are: least squares in two non-negative scales.
  function best(s) {
    const columns = [0, 1].map((j) => data.x.map((u) => SIGNS[s][j] * Math.max(0, Math.cos(state.at[j]) * u + Math.sin(state.at[j]))));
    const dot = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
    const [p, q] = columns, pp = dot(p, p), qq = dot(q, q), pq = dot(p, q), py = dot(p, data.y), qy = dot(q, data.y);
    const options = [[0, 0]];
    if (pp > 0) options.push([Math.max(0, py / pp), 0]);
    if (qq > 0) options.push([0, Math.max(0, qy / qq)]);
    const det = pp * qq - pq * pq;
    if (det > 1e-12 * pp * qq) {
      const both = [(py * qq - qy * pq) / det, (qy * pp - py * pq) / det];
      if (both.every((value) => value >= 0)) options.push(both);
    }
    const loss = ([c, d]) => data.y.reduce((sum, label, i) => sum + (c * p[i] + d * q[i] - label) ** 2, 0) / data.y.length;
    const scales = options.reduce((found, option) => (loss(option) < loss(found) ? option : found));
    return { scales, loss: loss(scales) };
  }

  // The data's axis, with the fit and the hinges
  const view = { left: 38, right: 390, top: 12, bottom: 236 };
  const span = data.x[data.x.length - 1] - data.x[0], low = data.x[0] - 0.12 * span, high = data.x[data.x.length - 1] + 0.12 * span;
  const labels = [Math.min(...data.y), Math.max(...data.y)], room = 0.6 * (labels[1] - labels[0] || 1);
  const px = (u) => view.left + ((u - low) / (high - low)) * (view.right - view.left);
  const py = (v) => view.bottom - ((v - labels[0] + room) / (labels[1] - labels[0] + 2 * room)) * (view.bottom - view.top);
  const clip = (v) => Math.max(view.top - 40, Math.min(view.bottom + 40, py(v)));
  const active = (k, u) => {  // whether sector k activates an input u between or at samples
    if (k === M - 1) return true;
    if (k === S - 1) return false;
    const cut = (data.hinges[k] + data.hinges[k + 1]) / 2;
    return k < M ? u > cut : u < cut;
  };
  function pieces(here, R) {
    const cuts = [here.a, here.b].filter((k) => k !== M - 1 && k !== S - 1).map((k) => (data.hinges[k] + data.hinges[k + 1]) / 2);
    const ends = [low, ...cuts.sort((p, q) => p - q), high], paths = [];
    for (let i = 0; i + 1 < ends.length; i++) {
      const mid = (ends[i] + ends[i + 1]) / 2;
      const f = (u) => [here.a, here.b].reduce((sum, k, j) => sum + (active(k, mid) ? R[2 * j] * u + R[2 * j + 1] : 0), 0);
      paths.push(`M${px(ends[i])},${clip(f(ends[i]))}L${px(ends[i + 1])},${clip(f(ends[i + 1]))}`);
    }
    return paths.join("");
  }
  function network(w) {  // Σ s c [w·(u, 1)]_+ with its hinges
    const hinge = w.map(([slope, offset]) => -offset / slope).filter((u) => u > low && u < high);
    const f = (u) => w.reduce((sum, [slope, offset, scale]) => sum + scale * Math.max(0, slope * u + offset), 0);
    return [low, ...hinge.sort((p, q) => p - q), high].map((u, i) => `${i ? "L" : "M"}${px(u)},${clip(f(u))}`).join("");
  }
  function drawFit() {
    const here = chosen(), { s, genuine } = verdict(here), now = best(s), R = (genuine && here.witness(s)) || here.R;
    const solid = genuine ? network([0, 1].map((j) => [SIGNS[s][j] * R[2 * j], SIGNS[s][j] * R[2 * j + 1], SIGNS[s][j]])) : pieces(here, R);
    const dashed = network([0, 1].map((j) => [Math.cos(state.at[j]), Math.sin(state.at[j]), SIGNS[s][j] * now.scales[j]]));
    const dots = data.x.map((u, i) => `<circle cx="${px(u)}" cy="${py(data.y[i])}" r="3.6" fill="${data.y[i] > 0 ? "#000" : "#fff"}" stroke="#000"/>`);
    const zero = labels[0] - room < 0 && labels[1] + room > 0 ? `<path d="M${view.left},${py(0)}H${view.right}" stroke="#bbb"/>` : "";
    const ticks = [data.x[0], (data.x[0] + data.x[data.x.length - 1]) / 2, data.x[data.x.length - 1]].map((u) => `<text x="${px(u)}" y="318" text-anchor="middle">${axis(u, 3)}</text>`);
    const sides = labels.map((v) => `<text x="32" y="${py(v) + 4}" text-anchor="end">${text(v)}</text>`);
    $("background").innerHTML = `${zero}<path d="M${view.left},271H${view.right}" stroke="#000"/>${ticks.join("")}${sides.join("")}
      <path id="dashed" d="${dashed}" fill="none" stroke="#444" stroke-width="1.4" stroke-dasharray="5 4"/>
      <path id="solid" d="${solid}" fill="none" stroke="#004488" stroke-width="3"/>${dots.join("")}`;
    [0, 1].forEach((j) => {
      const slope = Math.cos(state.at[j]), u = -Math.sin(state.at[j]) / slope, side = slope > 0 ? 1 : -1;
      const x = Math.max(view.left, Math.min(view.right, px(Math.max(low, Math.min(high, u))))), y = [255, 287][j], handle = $(`hinge${j + 1}`);
      handle.setAttribute("transform", `translate(${x},${y})`);
      handle.querySelector(".grip").setAttribute("d", `M0,${[16, -16][j]}V${[-11, 11][j]}L${18 * side},0L0,${[10, -10][j]}`);
      handle.querySelector("text").setAttribute("x", -10 * side);
      handle.setAttribute("aria-valuetext", neuron(state.at[j]));
      handle.setAttribute("aria-valuenow", shown(u).toPrecision(12));
    });
  }
  function handles() {
    const svg = $("fit");
    const defs = `<style>text{font:12px system-ui,sans-serif;fill:#222}</style><defs><clipPath id="inside"><rect x="${view.left}" y="${view.top - 8}" width="${view.right - view.left}" height="${view.bottom - view.top + 16}"/></clipPath></defs>`;
    const handle = (j) => `<g class="handle" id="hinge${j}" tabindex="0" role="slider" aria-label="Hinge of neuron ${j}" aria-valuemin="${shown(low)}" aria-valuemax="${shown(high)}"><rect x="-22" y="${j === 1 ? -25 : -15}" width="44" height="40" fill="transparent"/><path class="grip" fill="${j === 1 ? "#004488" : "#DDAA33"}" stroke="#000"/><text y="4" text-anchor="middle">${j}</text></g>`;
    svg.innerHTML = `${defs}<g id="background"></g>${handle(1)}${handle(2)}`;
    [0, 1].forEach((j) => {
      const handle = $(`hinge${j + 1}`);
      const at = (event) => low + (((event.clientX - svg.getBoundingClientRect().left) / svg.getBoundingClientRect().width) * 400 - view.left) / (view.right - view.left) * (high - low);
      handle.addEventListener("pointerdown", (event) => { handle.setPointerCapture(event.pointerId); handle.focus(); event.preventDefault(); });
      handle.addEventListener("pointermove", (event) => { if (handle.hasPointerCapture(event.pointerId)) move(j, at(event)); });
      handle.addEventListener("dblclick", () => turn(j));
      handle.addEventListener("keydown", (event) => {
        const steps = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
        if (steps) move(j, Math.max(low, Math.min(high, -Math.tan(state.at[j]))) + steps * (high - low) / 200);
        else if (event.key === "Enter" || event.key === " ") turn(j);
        else return;
        event.preventDefault();
      });
    });
  }
  function move(j, u) {
    const hinge = Math.max(low, Math.min(high, u)), side = Math.cos(state.at[j]) >= 0 ? 1 : -1;
    state.at[j] = Math.atan2(-hinge * side, side);
    show();
  }
  function turn(j) { state.at[j] = wrap(state.at[j] + Math.PI); show(); }

  function show() { draw(); drawFit(); describe(); }
  function choose(a, b) {
    const here = cell(a, b);
    state.at = [middle(a), middle(b)];
    const { s, genuine } = verdict(here), R = genuine && here.witness(s);
    if (R) [0, 1].forEach((j) => { if (R[2 * j] || R[2 * j + 1]) state.at[j] = within([a, b][j], direction(R, s, j)); });
    show();
  }
  function within(k, angle) {  // a direction of sector k's closure, moved off its rays by rounding only
    const away = (to) => Math.abs(Math.atan2(Math.sin(angle - to), Math.cos(angle - to)));
    if (sectorOf(angle) === k && away(edges[k]) > 1e-9) return angle;
    const inwards = 1e-9 * (edges[k + 1] - edges[k]);
    return away(edges[k]) < away(edges[k + 1]) ? edges[k] + inwards : edges[k + 1] - inwards;
  }
  function next(step) {
    const here = chosen(), from = here.a * S + here.b;
    for (let n = 1; n <= S * S; n++) {
      const at = (from + step * n + 2 * S * S) % (S * S), a = Math.floor(at / S), b = at % S;
      if (allowed().some((s) => cell(a, b).quality(s) !== "_")) return choose(a, b);
    }
  }
  function point(event) {
    const f = frame(), box = canvas.getBoundingClientRect();
    const t = (event.clientX - box.left - margin.left) / f.inner, u = 1 - (event.clientY - box.top - 8) / f.inner;
    if (t >= 0 && t < 1 && u >= 0 && u < 1) choose(sectorOf(angleAt(t)), sectorOf(angleAt(u)));
  }
  let last = "";
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || pinned) return;
    const f = frame(), box = canvas.getBoundingClientRect(), key = [Math.floor((event.clientX - box.left) / 3), Math.floor((event.clientY - box.top) / 3)].join();
    if (key !== last && f.size) { last = key; point(event); }
  });
  let pinned = false;  // a click keeps the cell until the next click
  canvas.addEventListener("pointerdown", (event) => { point(event); pinned = event.pointerType === "mouse" ? !pinned : true; });
  canvas.addEventListener("pointerleave", () => { last = ""; });
  canvas.addEventListener("keydown", (event) => {
    const here = chosen(), steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (steps) { pinned = true; choose((here.a + steps[0] + S) % S, (here.b + steps[1] + S) % S); }
    else if (event.key === "n" || event.key === "N") { pinned = true; next(event.key === "n" ? 1 : -1); }
    else return;
    event.preventDefault();
  });
  $("next").addEventListener("click", () => { pinned = true; next(1); });
  $("convention").value = state.convention;
  $("convention").addEventListener("change", (event) => { state.convention = event.target.value; show(); });
  $("scale").addEventListener("change", (event) => { state.scale = event.target.value; show(); });
  for (const layer of ["paths", "basins", "walls"]) $(layer).addEventListener("change", (event) => {
    state.layers[layer] = event.target.checked;
    document.body.classList.toggle("runs", state.layers.paths || state.layers.basins);
    draw();
  });
  new ResizeObserver(draw).observe(canvas);

  // Start at the global minimum's cell if a cell holds it, otherwise at the first genuine cell of any signs.
  handles();
  $("explore").hidden = false;
  $("low").textContent = text(lowest); $("high").textContent = text(highest);
  const ramp = $("ramp"), pen = ramp.getContext("2d");
  ramp.width = 256;
  for (let i = 0; i < 256; i++) { pen.fillStyle = colour(lowest + ((highest - lowest) * i) / 255); pen.fillRect(i, 0, 1, 10); }
  choose(...data.first);
})();
