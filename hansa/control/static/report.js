/* Draws the report's charts. Options come as JSON with colour tokens; names are only ever set as text. */
(function () {
  "use strict";
  var body = document.body;
  body.dataset.errors = "0";
  window.addEventListener("error", function () { body.dataset.errors = String(+body.dataset.errors + 1); });

  var page = JSON.parse(document.getElementById("report-data").textContent);
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var printing = false;
  var printWidth = 680;
  var hidden = {};
  var charts = {};

  function $all(selector, root) { return Array.from((root || document).querySelectorAll(selector)); }

  /* Copies an option; a colour token becomes the colour of the theme in use. */
  function dressed(node, key) {
    if (Array.isArray(node)) return node.map(function (item) { return dressed(item, key); });
    if (node && typeof node === "object") {
      var copy = {};
      Object.keys(node).forEach(function (name) { copy[name] = dressed(node[name], name); });
      return copy;
    }
    var isToken = typeof node === "string" && node[0] === "$" && /color$/i.test(key || "");
    return isToken ? page.palette[node.slice(1)][dark.matches && !printing ? 1 : 0] : node;
  }

  function chosenVariant(name, figure) {
    var radio = document.querySelector('input[data-for="' + name + '"]:checked');
    return figure.options[radio ? radio.value : Object.keys(figure.options)[0]];
  }

  /* Engines: keep the chosen scenario, raw and filtered, or every scenario filtered. */
  function keptSeries(series) {
    var select = document.querySelector("select[data-scenario]");
    return series.filter(function (one) {
      if (one.only === undefined) return true;
      return select.value === "" ? one.part === "filtered" : one.only === select.value;
    });
  }

  function line(parent, text, colour, strong) {
    var row = document.createElement("div");
    if (colour) {
      var mark = document.createElement("span");
      mark.className = "tip-mark";
      mark.style.background = colour;
      row.appendChild(mark);
    }
    row.appendChild(document.createTextNode(text));
    if (strong) row.style.fontWeight = "600";
    parent.appendChild(row);
  }

  /* The tooltip is built from text nodes, so that a name can never become markup. */
  function tooltipOf(figure) {
    return function (hit) {
      var box = document.createElement("div");
      if (!Array.isArray(hit)) {
        if (!hit.data || !hit.data.tip) return "";
        line(box, hit.data.tip + " " + figure.unit, hit.color);
        return box;
      }
      if (!hit.length) return "";
      var across = figure.across === "round" ? "round " + hit[0].value[0] : hit[0].value[0] + " " + figure.across;
      line(box, across, "", true);
      hit.forEach(function (one) {
        var value = one.value[1];
        var small = value !== 0 && Math.abs(value) < 1 && figure.decimals > 1;
        line(box, one.seriesName + "  " + (small ? value.toPrecision(3) : value.toFixed(figure.decimals)), one.color);
      });
      return box;
    };
  }

  function finished(option, figure, width) {
    option.series = keptSeries(option.series);
    option.series.forEach(function (one) {
      if (one.label && one.label.show) one.label.formatter = function (hit) { return hit.data.text; };
    });
    var paper = page.palette.paper[dark.matches && !printing ? 1 : 0];
    var ink = page.palette.ink[dark.matches && !printing ? 1 : 0];
    Object.assign(option.tooltip, {
      formatter: tooltipOf(figure), confine: true, backgroundColor: paper, transitionDuration: 0,
      borderColor: page.palette.muted[dark.matches ? 1 : 0], textStyle: { color: ink, fontSize: 13 }
    });
    option.textStyle.fontFamily = getComputedStyle(body).fontFamily;
    var names = option.yAxis.type === "category" && option.yAxis.axisLabel;
    if (names) names.width = Math.max(84, Math.min(names.width, Math.round(width * 0.3)));
    return option;
  }

  function draw(box) {
    var name = box.dataset.figure;
    var figure = page.figures[name];
    if (!box.offsetParent) return;
    var half = box.closest(".panels:not(.single)");
    var width = !printing ? box.clientWidth : half ? printWidth / 2 - 14 : printWidth;
    var height = box.closest(".panels.single") ? 380 : +box.dataset.height;
    box.style.height = height + "px";
    var chart = charts[name] || (charts[name] = echarts.init(box, null, { renderer: "svg" }));
    chart.resize({ width: width, height: height });
    chart.setOption(finished(dressed(chosenVariant(name, figure)), figure, width), true);
    Object.keys(hidden[name] || {}).forEach(function (series) {
      chart.dispatchAction({ type: "legendUnSelect", name: series });
    });
  }

  function drawnWidth(box) {
    var chart = charts[box.dataset.figure];
    return chart ? chart.getWidth() : 0;
  }

  function drawAll() {
    $all(".chart").forEach(draw);
    body.dataset.charts = String($all(".chart").filter(function (box) {
      return box.querySelectorAll("svg path").length > 2;
    }).length);
  }

  function chooseEngine() {
    var select = document.querySelector("select[data-engine]");
    $all(".panel").forEach(function (panel) {
      panel.hidden = select.value !== "" && panel.querySelector(".chart").dataset.figure !== select.value;
    });
    document.querySelector(".panels").classList.toggle("single", select.value !== "");
  }

  function chooseScenario() {
    var value = document.querySelector("select[data-scenario]").value;
    $all("[data-chosen]").forEach(function (mark) { mark.setAttribute("class", "c-" + (value || "muted")); });
    $all("[data-part]").forEach(function (item) { item.hidden = (item.dataset.part === "all") !== (value === ""); });
  }

  function toggleSeries(button) {
    var name = button.closest("[data-legend]").dataset.legend;
    var off = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!off));
    hidden[name] = hidden[name] || {};
    if (off) hidden[name][button.dataset.series] = true; else delete hidden[name][button.dataset.series];
    charts[name].dispatchAction({ type: off ? "legendUnSelect" : "legendSelect", name: button.dataset.series });
  }

  function listen() {
    document.addEventListener("change", function (event) {
      if (event.target.matches("select[data-engine]")) chooseEngine();
      if (event.target.matches("select[data-scenario]")) chooseScenario();
      drawAll();
    });
    $all("[data-legend] button").forEach(function (button) {
      button.addEventListener("click", function () { toggleSeries(button); });
    });
    dark.addEventListener("change", drawAll);
    var watcher = new ResizeObserver(function (entries) {
      var moved = entries.filter(function (entry) { return drawnWidth(entry.target) !== entry.target.clientWidth; });
      if (moved.length && !printing) drawAll();
    });
    $all(".chart").forEach(function (box) { watcher.observe(box); });
    window.addEventListener("beforeprint", function () {
      printing = true;
      $all("details").forEach(function (part) { part.open = true; });
      drawAll();
    });
    window.addEventListener("afterprint", function () { printing = false; drawAll(); });
  }

  listen();
  drawAll();
})();
