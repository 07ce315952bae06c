"use strict";
// Shows /status.json and asks for it again. Every text of it becomes a text node, never markup.
const EVERY_MS = 2000;
const KINDS = [["delivered", "delivered"], ["tokens", "tokens issued"], ["refused", "refused"], ["lost", "broke off"]];
const shown = new Map();
let heard = 0;

const at = (id) => document.getElementById(id);
const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const drawn = (name, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...children);
  return made;
};
const number = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");
const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
const span = (seconds) => {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} days`;
};
const clock = (unix_s) => new Date(unix_s * 1000).toLocaleTimeString("en-GB");
const day = (unix_s) => new Date(unix_s * 1000).toLocaleDateString("sv-SE");
const duration = (ms) => ms === null ? "–" : ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
const words = (text) => text.replaceAll("_", " ");

// Draws a part only when what it shows has changed: what is being read or selected stays.
const part = (id, data, draw) => {
  const now = JSON.stringify(data);
  if (shown.get(id) === now) return;
  shown.set(id, now);
  draw(at(id), data);
};
const row = (name, value, level) =>
  element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value, className: level || "" }));
const list = (id, rows) =>
  part(id, rows, (section, all) => section.querySelector("dl").replaceChildren(...all.map((each) => row(...each))));

function tiles(status) {
  const { recent, upstream, certificate } = status;
  const all = [
    [number(recent.delivered), "delivered", "", recent.lost ? `${number(recent.lost)} broke off` : ""],
    [number(recent.refused), "refused", recent.refused > recent.delivered ? "warn" : "", ""],
    [number(recent.tokens), "tokens issued", "", recent.token_failures ? `${number(recent.token_failures)} refused` : ""],
    [upstream.up ? duration(upstream.p50_ms) : "down", upstream.up ? "upstream, median" : "upstream", upstream.up ? "" : "bad",
      upstream.up && upstream.p99_ms !== null ? `99 % within ${duration(upstream.p99_ms)}` : ""],
    [number(status.connections), "connections", status.connections * 2 > status.connections_max ? "warn" : "", `${number(status.in_flight)} in flight`],
    certificate
      ? [certificate.is_valid ? span(certificate.ends_in_s) : "not valid", "certificate", certificate.is_valid ? certificate.ends_in_s < 14 * 86400 ? "warn" : "" : "bad",
        certificate.is_valid ? `until ${day(certificate.not_after)}` : ""]
      : ["none", "certificate", "", "TLS is off"],
  ];
  part("tiles", all, (section) => section.replaceChildren(...all.map(([value, name, level, more]) =>
    element("div", { className: `tile ${level}` }, element("b", { textContent: value }), element("span", { textContent: name }), element("i", { textContent: more })))));
}

function plot(status) {
  const { traffic } = status;
  part("plot", traffic, () => {
    const count = traffic.delivered.length;
    const sums = traffic.delivered.map((_, i) => KINDS.reduce((sum, [kind]) => sum + traffic[kind][i], 0));
    const most = Math.max(4, ...sums);
    const bars = [];
    for (let i = 0; i < count; i++) {
      let below = 0;
      const group = drawn("g", {});
      for (const [kind, name] of KINDS) {
        const value = traffic[kind][i];
        if (!value) continue;
        group.append(drawn("rect", { class: kind, x: i + .1, width: .8, y: 100 - (below + value) * 100 / most, height: value * 100 / most }));
        below += value;
      }
      if (!below) continue;
      const told = KINDS.filter(([kind]) => traffic[kind][i]).map(([kind, name]) => `${traffic[kind][i]} ${name}`).join(", ");
      const hint = drawn("title", {});
      hint.textContent = `${clock(traffic.ends - (count - 1 - i) * traffic.every_s)}: ${told}`;
      group.append(hint);
      bars.push(group);
    }
    const lines = [0, 50, 100].map((y) => drawn("line", { x1: 0, x2: count, y1: y, y2: y }));
    const svg = drawn("svg", { viewBox: `0 0 ${count} 100`, preserveAspectRatio: "none", role: "img", "aria-label": `Requests of the last ${span(status.window_s)}` }, ...lines, ...bars);
    const begins = traffic.ends - count * traffic.every_s;
    const times = [begins, (begins + traffic.ends) / 2, traffic.ends].map((time) => element("span", { textContent: clock(time) }));
    at("chart").replaceChildren(element("span", { className: "most", textContent: plural(most, "request") }), svg, element("div", { className: "times" }, ...times));
    at("span").textContent = `each bar ${traffic.every_s} s, ${span(status.window_s)} in all`;
  });
  if (!at("legend").childElementCount)
    at("legend").replaceChildren(...KINDS.map(([kind, name]) => element("li", {}, element("i", { className: kind }), name)));
}

// Calls that are alike stand together, under the time of the last.
function alike(calls) {
  const groups = new Map();
  for (const call of calls) {
    const key = JSON.stringify([call.reason, call.method, call.path, call.peer, call.client]);
    if (groups.has(key)) groups.get(key).others.push(call.time);
    else groups.set(key, { ...call, others: [] });
  }
  return [...groups.values()];
}

function calls(status) {
  const { now } = status;
  part("refused", alike(status.refused_calls), (section, all) => section.replaceChildren(...(all.length ? all : [null]).map((call) => {
    if (!call) return element("li", { className: "empty", textContent: "None since the start." });
    const time = element("time", { dateTime: new Date(call.time * 1000).toISOString() }, clock(call.time), element("small", {}));
    time.dataset.time = call.time;
    const who = [`from ${call.peer}`];
    if (call.client !== null) who.push(`client ${call.client}`);
    who.push(`heard ${call.status}`);
    if (call.others.length) who.push(`and ${call.others.length} more since ${clock(call.others.at(-1))}`);
    return element("li", {}, time, element("div", {},
      element("div", { className: "call" }, element("code", { textContent: `${call.method} ${call.path}` }), element("span", { className: "reason", textContent: call.reason })),
      element("p", { className: "who", textContent: who.join(", ") }),
      element("p", { className: "advice", textContent: call.advice })));
  })));
  at("refused").querySelectorAll("time").forEach((time) => {
    time.lastChild.textContent = `${span(now - time.dataset.time)} ago`;
  });
}

function reasons(status) {
  part("reasons", status.refusals, (section, all) => {
    section.querySelector("table").hidden = !all.length;
    section.querySelector(".empty").hidden = all.length > 0;
    const most = Math.max(1, ...all.map((each) => each.recent));
    section.querySelector("tbody").replaceChildren(...all.map((each) => element("tr", {},
      element("td", {}, element("code", { textContent: each.reason, title: each.advice })),
      element("td", { className: "share" }, drawn("svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" },
        drawn("rect", { class: "refused", width: each.recent * 100 / most, height: 1 }))),
      element("td", { className: "number", textContent: number(each.recent) }),
      element("td", { className: "number", textContent: number(each.total) }))));
  });
}

function facts(status) {
  const { upstream, certificate, now } = status;
  const ago = (time) => time ? `${span(now - time)} ago` : "not since the start";
  list("upstream", [
    ["address", upstream.url],
    ["takes connections", upstream.up ? "yes" : words(upstream.fault), upstream.up ? "good" : "bad"],
    ["answers lately", number(upstream.answers)],
    ["median", duration(upstream.p50_ms)],
    ["99 % within", duration(upstream.p99_ms)],
  ]);
  list("certificate", certificate === null ? [["TLS", "off: callers connect in the clear", "warn"]] : [
    ["for", certificate.names.join(", ") || "no name", certificate.names.length ? "" : "bad"],
    ["valid", certificate.is_valid ? `${day(certificate.not_before)} to ${day(certificate.not_after)}` : `no: ${day(certificate.not_before)} to ${day(certificate.not_after)}`,
      certificate.is_valid ? "" : "bad"],
    ["ends in", span(certificate.ends_in_s), certificate.ends_in_s < 14 * 86400 ? "warn" : "good"],
    ["signed by", certificate.is_self_signed ? "itself: the network does not accept that" : certificate.issuer, certificate.is_self_signed ? "bad" : ""],
    ["certificates in the chain", number(certificate.chain)],
  ]);
  list("keys", status.keys.map((key) => [
    key.name === null ? "the one key" : key.name,
    `${key.algorithm}, ${key.signs ? "signs and checks" : "checks"}${key.since === null ? "" : `, seen ${ago(key.since)}`}`,
  ]));
  list("clients", status.clients.flatMap((client) => [
    [client.name, plural(client.requests, "request")],
    ...client.passwords.map((time, i) => [`\u2003password ${i}`, ago(time)]),
    ...client.static_tokens.map((time, i) => [`\u2003static token ${i}`, ago(time)]),
  ]));
  list("doors", [
    ["open", `${number(status.connections)} of ${number(status.connections_max)}`],
    ["requests in flight", number(status.in_flight)],
    ...status.doors.map((each) => [words(each.what), `${number(each.recent)} lately, ${number(each.total)} in all`, each.is_bad && each.recent ? "warn" : ""]),
  ]);
  list("files", [
    ...status.reloads.map((each) => [words(each.what), each.failing === null ? each.ok ? `${plural(each.ok, "reload")}` : "as at the start" : "cannot be loaded", each.failing === null ? "" : "bad"]),
    ["log lines lost", number(status.log.dropped), status.log.dropped ? "bad" : ""],
    ["refusals left out of the log", number(status.log.left_out)],
  ]);
  part("settings", status.settings, (section, all) => section.querySelector("dl").replaceChildren(...all.map((each) => {
    const made = row(each.name, each.value);
    made.className = each.is_default ? "default" : "";
    return made;
  })));
  at("version").textContent = `version ${status.version}, up for ${span(now - status.started)}`;
}

function show(status) {
  part("verdict", status.verdict, (section, { level, sentence, advice }) => {
    section.className = level;
    section.firstElementChild.textContent = sentence;
    section.lastElementChild.textContent = advice;
    document.title = `${level === "bad" ? "✗ " : level === "warn" ? "! " : ""}bearergate: ${sentence}`;
  });
  part("notices", status.notices, (section, all) => {
    section.hidden = !all.length;
    section.replaceChildren(...all.map(({ level, text }) => element("p", { className: level, textContent: text })));
  });
  [tiles, plot, calls, reasons, facts].forEach((draw) => draw(status));
}

async function ask() {
  if (!document.hidden) {
    try {
      const answer = await fetch("/status.json", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.status);
      show(await answer.json());
      heard = Date.now();
      at("pulse").className = "live";
      at("fresh").textContent = `as of ${clock(heard / 1000)}`;
    } catch {
      at("pulse").className = "lost";
      at("fresh").textContent = heard ? `no answer from the gate for ${span((Date.now() - heard) / 1000)}` : "no answer from the gate";
    }
  }
  setTimeout(ask, EVERY_MS);
}
document.addEventListener("visibilitychange", () => { at("pulse").className = ""; });
ask();
