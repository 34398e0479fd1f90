/* The page's own script: charts in the page's colours, one focus for all of them, a table that sorts, trees that
   answer to arrow keys. Everything it adds is extra: without it each chart is a table and each tree still folds. */
(() => {
  "use strict";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const tip = document.getElementById("tip");
  const views = [];
  let focus = "";

  // --- charts ---
  function config() {
    const soft = style("--soft"), line = style("--line"), font = style("--sans");
    return {
      background: "transparent", font, padding: 2, view: { stroke: null },
      range: { category: [style("--m-fill"), style("--d-fill"), style("--s-fill")] },
      axis: {
        labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12,
        titleFontSize: 12, titleFontWeight: "normal", titlePadding: 8,
      },
    };
  }

  function showTip(_handler, event, _item, text) {
    if (text === null || text === undefined || text === "") { tip.hidden = true; return; }
    tip.textContent = text;
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(8, Math.min(event.clientX + 12, room)) + scrollX + "px";
    tip.style.top = event.clientY + scrollY + 16 + "px";
  }

  async function draw() {
    const specs = JSON.parse(document.getElementById("specs").textContent);
    views.splice(0).forEach((view) => view.finalize());
    for (const box of all("[data-chart]")) {
      const spec = specs[box.dataset.chart];
      if (!spec) continue;
      for (const param of spec.params) {
        if (param.name === "focus") param.value = focus;
        if (param.name === "inkSoft") param.value = style("--m-fill");
      }
      const options = { actions: false, ast: true, config: config(), defaultStyle: false, renderer: "svg", tooltip: showTip,
        logLevel: vega.Error };
      const result = await vegaEmbed(box, spec, options);
      views.push(result.view);
    }
    all("details.as-table").forEach((table) => { table.open = false; });
  }

  for (const button of all("[data-focus]")) {
    button.addEventListener("click", () => {
      focus = button.dataset.focus;
      all("[data-focus]").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
      views.forEach((view) => view.signal("focus", focus).runAsync());
    });
  }

  // --- sorting ---
  const table = document.getElementById("posts-table");
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.key === undefined ? cell.textContent.trim() : cell.dataset.key;
  };
  for (const button of all("thead button", table)) {
    button.addEventListener("click", () => {
      const head = button.closest("th"), column = head.cellIndex, numeric = button.dataset.sort === "number";
      const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numeric;
      const order = new Intl.Collator(document.documentElement.lang);
      const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
      rows.sort(([a], [b]) => {
        if (a === "" || b === "") return (a === "") - (b === "");  // the unknown stay last either way
        const difference = numeric ? a - b : order.compare(a, b);
        return down ? -difference : difference;
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
      all("thead th", table).forEach((th) => th.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  }

  // --- trees ---
  for (const button of all("[data-fold]")) {
    button.addEventListener("click", () => {
      all("details.below, .rest > details", button.closest(".thread-body")).forEach((d) => { d.open = button.dataset.fold === "open"; });
    });
  }
  for (const tree of all(".tree")) {
    const first = tree.querySelector(".comment");
    if (first) first.tabIndex = 0;
    tree.addEventListener("keydown", (event) => {
      const here = event.target.closest(".comment");
      if (!here || event.altKey || event.ctrlKey || event.metaKey) return;
      const node = here.closest(".node"), below = node.querySelector(":scope > details.below");
      const seen = all(".comment", tree).filter((c) => c.checkVisibility ? c.checkVisibility() : c.offsetParent);
      const place = seen.indexOf(here);
      let to = null;
      if (event.key === "ArrowDown") to = seen[place + 1];
      else if (event.key === "ArrowUp") to = seen[place - 1];
      else if (event.key === "Home") to = seen[0];
      else if (event.key === "End") to = seen[seen.length - 1];
      else if (event.key === "ArrowRight" && below) { if (below.open) to = seen[place + 1]; else below.open = true; }
      else if (event.key === "ArrowLeft") {
        if (below && below.open) below.open = false;
        else { const up = node.parentElement.closest(".node"); to = up && up.querySelector(".comment"); }
      } else return;
      event.preventDefault();
      if (to) { here.tabIndex = -1; to.tabIndex = 0; to.focus(); }
    });
  }

  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  if (document.querySelector("[data-chart]")) draw();
})();
