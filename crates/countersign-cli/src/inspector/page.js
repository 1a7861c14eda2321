// The inspector's page. What a sender wrote becomes text and never markup: elements are made here, by name, and
// filled with textContent.
"use strict";

const ROW = 56; // as in page.css
const MOST = 20000; // rows that are kept in the page
const COLOURED = 64 * 1024; // a longer body is shown in one colour
const HEX = 16 * 1024; // bytes that are shown in hexadecimal

const at = (id) => document.getElementById(id);
const rows = at("rows");
const space = at("space");
const filter = at("filter");
const detail = at("detail");

const state = {
  all: [], // the newest first
  seen: new Map(), // by number
  shown: [],
  chosen: null,
  kind: "all",
  about: { listener: "", endpoints: [] },
  body: null, // how the body is looked at: pretty, text, hex
  one: null, // what is shown beside the list
  filled: false, // whether the list was read once
};

const KINDS = [
  ["all", "All", () => true],
  ["verified", "Verified", (row) => badge(row).tone === "good"],
  ["refused", "Refused", (row) => row.verdict === "refused" || row.verdict === "nowhere"],
  ["copies", "Copies", (row) => row.dedup === "duplicate" || row.dedup === "suppressed"],
  ["failed", "Not passed on", (row) => isFailed(row)],
];

function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function isFailed(row) {
  if (row.verdict === "not-yet") return true;
  if (!row.forward) return false;
  return !(row.forward.status >= 200 && row.forward.status < 300);
}

function badge(row) {
  if (row.verdict === "verified") {
    if (row.dedup && row.dedup !== "fresh" && row.dedup !== "takeover") return { text: row.dedup, tone: "same" };
    if (row.status >= 200 && row.status < 300) return { text: "verified", tone: "good" };
    return { text: "given back", tone: "wait" };
  }
  if (row.verdict === "refused") return { text: "refused", tone: "bad" };
  if (row.verdict === "nowhere") return { text: "no such path", tone: "bad" };
  if (row.verdict === "handshake") return { text: "handshake", tone: "asked" };
  if (row.verdict === "arrived") return { text: "running", tone: "wait" };
  return { text: "not yet", tone: "wait" };
}

function title(row) {
  if (row.event) return row.event.value;
  return row.verdict === "refused" || row.verdict === "nowhere" ? row.reason || row.target : row.target;
}

function under(row) {
  const parts = [row.scheme, row.delivery ? row.delivery.value : null];
  if (row.verdict !== "verified" && row.event) parts.push(row.reason);
  return parts.filter(Boolean).join("  ·  ");
}

function clock(row) {
  return new Date(row.received_ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

function words(row) {
  if (row.words === undefined) {
    const parts = [
      `#${row.number}`, row.scheme, row.method, row.target, badge(row).text, row.reason, row.status,
      row.event && row.event.value, row.delivery && row.delivery.value,
    ];
    row.words = parts.filter(Boolean).join(" ").toLowerCase();
  }
  return row.words;
}

// ---- the list

let waiting = false;
function refresh() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    // Whoever reads further down keeps the row at the top where it is.
    const place = Math.floor(rows.scrollTop / ROW);
    const anchor = rows.scrollTop > 0 ? state.shown[place] : undefined;
    const into = rows.scrollTop - place * ROW;
    narrow();
    stretch();
    const now = anchor ? state.shown.indexOf(anchor) : -1;
    if (now >= 0) rows.scrollTop = now * ROW + into;
    draw();
  });
}

function narrow() {
  const asked = filter.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const of = KINDS.find(([name]) => name === state.kind)[2];
  state.shown = state.all.filter((row) => of(row) && asked.every((word) => words(row).includes(word)));
}

function stretch() {
  space.style.height = `${Math.max(state.shown.length * ROW, 1)}px`;
}

// Only the rows in sight are in the page. A row keeps its element while it is in sight, so that a click that is
// half done, or a mark, is not lost when something arrives.
const lines = new Map();
function draw() {
  const total = state.shown.length;
  const first = Math.max(0, Math.floor(rows.scrollTop / ROW) - 6);
  const last = Math.min(total, Math.ceil((rows.scrollTop + rows.clientHeight) / ROW) + 6);
  const inSight = new Set();
  for (let place = first; place < last; place += 1) {
    const row = state.shown[place];
    inSight.add(row.number);
    if (!lines.has(row.number)) {
      lines.set(row.number, line(row));
      space.append(lines.get(row.number).whole);
    }
    write(lines.get(row.number), row, place, total);
  }
  for (const [number, made] of lines) {
    if (inSight.has(number)) continue;
    made.whole.remove();
    lines.delete(number);
  }
  if (lines.has(state.chosen)) rows.setAttribute("aria-activedescendant", `row-${state.chosen}`);
  else rows.removeAttribute("aria-activedescendant");
  const all = state.all.length;
  at("count").textContent = total === all ? `${all} requests` : `${total} of ${all} requests`;
  nothing(total);
}

function line(row) {
  const made = {
    badge: el("span", { class: "badge" }),
    title: el("div", { class: "title" }),
    under: el("div", { class: "under" }),
    side: el("div", { class: "side" }),
  };
  made.whole = el("div", { class: "row", role: "option", id: `row-${row.number}`, "data-number": row.number },
    el("div", {}, made.badge, el("div", { class: "number", text: `#${row.number}` })),
    el("div", { class: "main" }, made.title, made.under),
    el("div", {}, el("div", { class: "when", text: clock(row) }), made.side));
  return made;
}

function write(made, row, place, total) {
  const { text, tone } = badge(row);
  const set = (element, value) => {
    if (element.textContent !== value) element.textContent = value;
  };
  set(made.badge, text);
  made.badge.dataset.tone = tone;
  set(made.title, title(row));
  set(made.under, under(row));
  set(made.side, side(row));
  made.whole.setAttribute("aria-selected", String(row.number === state.chosen));
  made.whole.setAttribute("aria-posinset", place + 1);
  made.whole.setAttribute("aria-setsize", total);
  made.whole.style.top = `${place * ROW}px`;
}

function side(row) {
  if (!row.forward) return row.status ? String(row.status) : "";
  return row.forward.status ? `→ ${row.forward.status}` : "→ failed";
}

function nothing(total) {
  const empty = at("empty");
  empty.hidden = total > 0 || !state.filled;
  if (empty.hidden) return;
  if (state.all.length > 0) {
    empty.replaceChildren(el("p", { text: "No request is like that." }));
    return;
  }
  const endpoint = state.about.endpoints[0];
  const to = state.about.listener + ((endpoint && endpoint.path) || "/webhooks");
  const command = endpoint ? `countersign send --scheme ${endpoint.scheme} --to ${to} --event test` : "";
  empty.replaceChildren(
    el("p", { text: "Nothing has arrived yet. Give the sender this address, or play the sender:" }),
    el("code", { text: command }),
  );
}

function choose(number, keepInView) {
  state.chosen = number;
  state.body = null;
  const place = state.shown.findIndex((row) => row.number === number);
  if (keepInView && place >= 0) {
    const top = place * ROW;
    if (top < rows.scrollTop) rows.scrollTop = top;
    else if (top + ROW > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + ROW - rows.clientHeight;
  }
  draw();
  load(number);
}

function step(by) {
  if (state.shown.length === 0) return;
  const place = state.shown.findIndex((row) => row.number === state.chosen);
  const next = Math.min(state.shown.length - 1, Math.max(0, place + by));
  choose(state.shown[next].number, true);
}

// ---- what arrives

function take(summary) {
  const known = state.seen.get(summary.number);
  if (known) {
    Object.assign(known, summary);
    known.words = undefined;
    if (state.chosen === summary.number) load(summary.number);
  } else {
    state.seen.set(summary.number, summary);
    let place = 0;
    while (place < state.all.length && state.all[place].number > summary.number) place += 1;
    state.all.splice(place, 0, summary);
    while (state.all.length > MOST) state.seen.delete(state.all.pop().number);
  }
  refresh();
}

async function ask(path, options) {
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || `status ${response.status}`);
  return answer;
}

async function fill() {
  const found = [];
  let before = null;
  while (found.length < MOST) {
    const { captures } = await ask(before === null ? "api/captures" : `api/captures?before=${before}`);
    found.push(...captures);
    if (captures.length === 0) break;
    before = captures[captures.length - 1].number;
    if (state.all.length === 0) {
      state.all = captures.slice();
      refresh();
    }
  }
  // What came meanwhile is newer than what was found, or the same.
  const newest = found.length > 0 ? found[0].number : 0;
  const since = state.all.filter((row) => row.number > newest);
  state.all = since.concat(found);
  state.seen = new Map(state.all.map((row) => [row.number, row]));
  state.filled = true;
  refresh();
}

function listen() {
  const changes = new EventSource("api/changes");
  const live = at("live");
  changes.addEventListener("open", () => {
    live.dataset.on = "yes";
    live.textContent = "live";
    fill().catch(() => say("The list cannot be read."));
  });
  changes.addEventListener("capture", (event) => take(JSON.parse(event.data)));
  changes.addEventListener("behind", () => fill().catch(() => {}));
  changes.addEventListener("error", () => {
    live.dataset.on = "no";
    live.textContent = "the listener has ended, or is out of reach";
  });
}

// ---- one request

async function load(number) {
  let one;
  try {
    one = await ask(`api/captures/${number}`);
  } catch (error) {
    if (state.chosen === number) detail.replaceChildren(el("p", { class: "none", text: String(error.message) }));
    return;
  }
  if (state.chosen !== number) return;
  const top = state.one && state.one.summary.number === number ? detail.scrollTop : 0;
  state.one = one;
  show(one);
  detail.scrollTop = top;
}

function show(one) {
  const row = one.summary;
  const { text, tone } = badge(row);
  const parts = [
    el("div", { class: "head" },
      el("span", { class: "badge", "data-tone": tone, text }),
      el("h2", { text: title(row) }),
      el("span", { class: "number", text: `#${row.number}` })),
    row.reason && title(row) !== row.reason ? el("p", { class: "reason", text: row.reason }) : null,
    facts(one),
    actions(one),
    explanation(one),
    body(one),
    headers(one),
    command(one),
    replays(one),
  ];
  detail.replaceChildren(...parts.filter(Boolean));
}

function facts(one) {
  const row = one.summary;
  const list = el("dl", { class: "facts" });
  const add = (name, value, claim) => {
    if (value === null || value === undefined || value === "") return;
    list.append(el("dt", { text: name }),
      el("dd", {}, el("span", { text: value }), claim ? el("span", { class: "claim", text: `  ${claim}` }) : null));
  };
  const signed = (claim) => (claim.signed ? "" : row.verdict === "verified" ? "not signed" : "as the sender claims");
  add("sender", row.scheme);
  add("request", `${row.method} ${row.target}`);
  add("received", new Date(row.received_ms).toLocaleString());
  if (row.event) add("type", row.event.value, signed(row.event));
  if (row.delivery) add("id", row.delivery.value, signed(row.delivery));
  if (row.status) add("answered", `${row.status} in ${row.took_ms} ms`);
  if (row.forward) {
    const end = row.forward.status ? `${row.forward.status} in ${row.forward.took_ms} ms` : row.forward.error;
    add("passed on", `${end}  (${row.forward.to})`);
  }
  return list;
}

function actions(one) {
  const { forward, listener } = one.hindrance;
  const made = el("div", { class: "actions" },
    el("button", {
      class: "act main", id: "replay", type: "button", disabled: forward !== null, text: "Replay",
      title: "Send it to the forward address once more (r)", onclick: () => replay("forward"),
    }),
    el("button", {
      class: "act", id: "replay-listener", type: "button", disabled: listener !== null, text: "Replay through the listener",
      title: "Judge it anew: what was done before is a duplicate", onclick: () => replay("listener"),
    }),
    el("button", { class: "act", id: "copy", type: "button", text: "Copy as curl", title: "c", onclick: copy }));
  if (forward !== null) made.append(el("p", { class: "why-not", text: `No replay: ${forward}.` }));
  return made;
}

function part(name, ...children) {
  return el("section", { class: "part" }, el("h3", {}, el("span", { text: name })), ...children);
}

const SPOTS = {
  receiver: "in the receiver's code, before the signature is checked",
  settings: "in the receiver's settings: secret, scheme, address, clock",
  between: "between the sender and the receiver: proxy, gateway, tunnel",
  sender: "at the sender",
};

function explanation(one) {
  if (one.summary.verdict !== "refused") return null;
  const found = one.explanation;
  if (!found) return part("Why", el("p", { class: "note", text: "Looking for the cause …" }));
  if (found.unexplained) return part("Why", el("p", { class: "note", text: `Not explained: ${found.unexplained}.` }));
  const made = part("Why");
  made.id = "why";
  for (const finding of found.findings) {
    made.append(el("div", { class: "finding", "data-sure": finding.reproduced ? "yes" : "no" },
      el("p", { class: "what", text: finding.what }),
      el("p", { class: "change", text: `Change: ${finding.change}.` }),
      el("p", { class: "at", text: sureness(finding) })));
  }
  if (found.findings.length === 0) {
    const text = "None of the usual mistakes makes the signature match: the request is forged, or signed with a secret that the listener does not have.";
    made.append(el("p", { class: "note", text }));
  }
  return made;
}

function sureness(finding) {
  if (finding.cause === "unknown") return "the signature was not reproduced";
  return `${SPOTS[finding.where] || ""} · ${finding.reproduced ? "reproduced with your secret" : "likely, not proved"}`;
}

function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
  return bytes;
}

function body(one) {
  const bytes = bytesOf(one.body);
  const cut = bytes.length < one.body_kept;
  let text = null;
  try {
    text = new TextDecoder("utf-8", { fatal: !cut, ignoreBOM: true }).decode(bytes);
  } catch {
    text = null;
  }
  const json = text !== null && !cut && isJson(text);
  const modes = [json ? "pretty" : null, text !== null ? "text" : null, "hex"].filter(Boolean);
  const mode = modes.includes(state.body) ? state.body : modes[0];
  const made = part(`Body, ${one.summary.body_bytes.toLocaleString()} bytes`);
  const more = el("span", { class: "more" });
  for (const name of modes) {
    more.append(el("button", {
      type: "button", text: name, "aria-pressed": String(name === mode),
      onclick: () => {
        state.body = name;
        made.replaceWith(body(one));
      },
    }));
  }
  if (one.body_kept > 0) more.append(el("a", { href: `api/captures/${one.summary.number}/body`, download: "", text: "save" }));
  made.firstChild.append(more);
  const pre = el("pre", { id: "body", class: mode === "hex" ? "hex" : "text", tabindex: "0" });
  if (bytes.length === 0) pre.textContent = "(empty)";
  else if (mode === "pretty") pretty(text, pre);
  else if (mode === "text") pre.textContent = text;
  else pre.textContent = hex(bytes);
  made.append(el("div", { class: "box" }, pre));
  const notes = {
    cut: "Only the beginning was kept: the body is longer than --keep-body.",
    unread: "The body did not arrive as a whole.",
    masked: "A secret in the body was written over. It is not kept.",
  };
  const note = notes[one.body_state] || (cut ? "Only the beginning is shown; save it to see all." : null);
  if (note) made.append(el("p", { class: "note", text: note }));
  return made;
}

function isJson(text) {
  try {
    JSON.parse(text);
    return /^\s*[[{]/.test(text);
  } catch {
    return false;
  }
}

// JSON with line breaks and indents. Every value stays as it is written: numbers are not read.
function pretty(text, into) {
  const coloured = text.length <= COLOURED;
  const pieces = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g) || [];
  let plain = "";
  let depth = 0;
  const flush = () => {
    if (plain) into.append(plain);
    plain = "";
  };
  const write = (piece, kind) => {
    if (!coloured || !kind) {
      plain += piece;
      return;
    }
    flush();
    into.append(el("span", { class: kind, text: piece }));
  };
  const lineBreak = () => write(`\n${"  ".repeat(Math.min(depth, 64))}`);
  pieces.forEach((piece, place) => {
    const next = pieces[place + 1];
    const before = pieces[place - 1];
    if (piece === "{" || piece === "[") {
      write(piece);
      depth += 1;
      if (next !== "}" && next !== "]") lineBreak();
    } else if (piece === "}" || piece === "]") {
      depth -= 1;
      if (before !== "{" && before !== "[") lineBreak();
      write(piece);
    } else if (piece === ",") {
      write(piece);
      lineBreak();
    } else if (piece === ":") write(": ");
    else if (piece.startsWith('"')) write(piece, next === ":" ? "k" : "s");
    else write(piece, "n");
  });
  flush();
}

function hex(bytes) {
  const lines = [];
  const end = Math.min(bytes.length, HEX);
  for (let from = 0; from < end; from += 16) {
    const part = bytes.subarray(from, Math.min(from + 16, end));
    const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, "0"));
    const letters = Array.from(part, (byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "."));
    lines.push(`${from.toString(16).padStart(6, "0")}  ${digits.join(" ").padEnd(47)}  ${letters.join("")}`);
  }
  if (end < bytes.length) lines.push(`… ${bytes.length - end} bytes more`);
  return lines.join("\n");
}

function headers(one) {
  const table = el("tbody");
  for (const header of one.headers) {
    table.append(el("tr", {},
      el("th", { scope: "row", text: header.name }),
      el("td", { class: header.masked ? "masked" : null, text: header.value })));
  }
  return part("Headers", el("table", { class: "box", id: "headers" }, table));
}

function command(one) {
  return part("As curl", el("div", { class: "box" }, el("pre", { id: "curl", tabindex: "0", text: one.curl })));
}

function replays(one) {
  if (one.replays.length === 0) return null;
  const table = el("tbody");
  for (const sent of one.replays) {
    table.append(el("tr", {},
      el("th", { scope: "row", text: new Date(sent.at_ms).toLocaleTimeString() }),
      el("td", { text: `${sent.status || sent.error} in ${sent.took_ms} ms  (${sent.to})` })));
  }
  return part("Replays", el("table", { class: "box", id: "replays" }, table));
}

async function replay(to) {
  const number = state.chosen;
  if (number === null || !state.one || state.one.summary.number !== number) return;
  const why = state.one.hindrance[to];
  if (why !== null) {
    say(`No replay: ${why}.`);
    return;
  }
  say(`Sending #${number} …`);
  try {
    const { replay: sent } = await ask(`api/captures/${number}/replay`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ to }),
    });
    say(sent.status ? `#${number} was answered ${sent.status} in ${sent.took_ms} ms.` : `#${number}: ${sent.error}.`);
  } catch (error) {
    say(`#${number}: ${error.message}`);
  }
  if (state.chosen === number) load(number);
}

async function copy() {
  if (!state.one) return;
  try {
    await navigator.clipboard.writeText(state.one.curl);
    say("Copied.");
  } catch {
    const range = document.createRange();
    range.selectNodeContents(at("curl"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    say("The command is selected: copy it by hand.");
  }
}

let saying = 0;
function say(text) {
  at("said").textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => {
    at("said").textContent = "";
  }, 4000);
}

// ---- keys and clicks

for (const [name, text] of KINDS) {
  at("kinds").append(el("button", {
    type: "button", text, "data-kind": name, "aria-pressed": String(name === state.kind),
    onclick: () => {
      state.kind = name;
      for (const button of at("kinds").children) button.setAttribute("aria-pressed", String(button.dataset.kind === name));
      rows.scrollTop = 0;
      refresh();
    },
  }));
}

rows.addEventListener("scroll", () => requestAnimationFrame(draw));
rows.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row) choose(Number(row.dataset.number), false);
});
filter.addEventListener("input", () => {
  rows.scrollTop = 0;
  refresh();
});
addEventListener("resize", () => requestAnimationFrame(draw));

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = document.activeElement === filter;
  const page = Math.max(1, Math.floor(rows.clientHeight / ROW) - 1);
  const inList = document.activeElement === rows || document.activeElement === document.body || typing;
  const keys = {
    ArrowDown: inList && (() => step(1)),
    ArrowUp: inList && (() => step(-1)),
    PageDown: inList && (() => step(page)),
    PageUp: inList && (() => step(-page)),
    Home: inList && !typing && (() => step(-MOST)),
    End: inList && !typing && (() => step(MOST)),
    Enter: inList && (() => (state.chosen === null ? step(1) : detail.focus())),
    Escape: () => {
      if (typing && filter.value) {
        filter.value = "";
        refresh();
      } else rows.focus();
    },
    "/": !typing && (() => filter.select()),
    r: !typing && (() => replay("forward")),
    c: !typing && copy,
    j: !typing && (() => step(1)),
    k: !typing && (() => step(-1)),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

async function begin() {
  detail.replaceChildren(el("p", { class: "none", text: "Choose a request." }));
  try {
    state.about = await ask("api/about");
  } catch {
    say("The listener does not answer.");
  }
  const from = state.about.endpoints.map((endpoint) => `${endpoint.scheme} ${endpoint.path || "(every path)"}`);
  at("where").textContent = `${state.about.listener}  ${from.join(", ")}`;
  listen();
}

begin();
