/// The page's script: the table of operators and the roofline. Part of `ProfilePage`.

extension ProfilePage {
    static let operators = #"""
        const columns = [
          ["", each => each.index, each => each.index, ""],
          ["operator", each => each.name, each => each.name, "text"],
          ["kind", each => each.kind, each => each.kind, "text"],
          ["output", each => each.outputBytes, each => each.outputShape, "text"],
          ["kernel", kernel, kernel, "text"],
          ["median", each => each.medianMicroseconds, each => duration(each.medianMicroseconds), "time"],
          ["p90", each => each.p90Microseconds, each => duration(each.p90Microseconds), ""],
          ["share", each => each.medianMicroseconds, each => (each.medianMicroseconds / total * 100).toFixed(1) + " %", ""],
          ["MACs", each => each.macs, each => each.macs ? work(each.macs) : "", ""],
          ["GMAC/s", each => each.gmacsPerSecond, each => each.macs ? each.gmacsPerSecond.toFixed(1) : "", ""],
          ["of peak", each => each.percentOfPeak, each => each.macs ? each.percentOfPeak.toFixed(0) + " %" : "", ""],
          ["moved", each => each.bytesMoved, each => bytes(each.bytesMoved), ""],
        ];
        const listed = profile.operators.map((operation, index) => ({ ...operation, index }));
        const slowest = Math.max(...listed.map(each => each.medianMicroseconds), 1e-9);
        let sorting = { column: 0, isDescending: false };

        function showOperators() {
          const [, key] = columns[sorting.column];
          const sorted = [...listed].sort((a, b) => {
            const [p, q] = [key(a), key(b)];
            return (p < q ? -1 : p > q ? 1 : a.index - b.index) * (sorting.isDescending ? -1 : 1);
          });
          const table = id("operators");
          table.replaceChildren();
          const head = element(element(table, "thead"), "tr");
          columns.forEach(([title, , , style], index) => {
            const cell = element(head, "th", style === "text" ? { class: "text" } : {}, title);
            if (index === sorting.column)
              cell.setAttribute("aria-sort", sorting.isDescending ? "descending" : "ascending");
            cell.addEventListener("click", () => {
              const isSame = sorting.column === index;
              sorting = { column: index, isDescending: isSame ? !sorting.isDescending : index > 4 };
              showOperators();
            });
          });
          const body = element(table, "tbody"), lines = new Map();
          for (const each of sorted) {
            const line = element(body, "tr");
            lines.set(each.index, line);
            for (const [title, , show, style] of columns) {
              const cell = element(line, "td", style === "text" ? { class: "text" } : {}, style === "time" ? "" : show(each));
              if (title === "operator")
                cell.prepend(element(cell, "span", { class: "swatch", style: "background:" + color(each) }));
              if (style === "time") {
                cell.append(show(each));
                const rail = element(cell, "span", { class: "rail" });
                element(rail, "span", { class: "meter", style: `width:${each.medianMicroseconds / slowest * 64}px;`
                  + `background:${color(each)}` });
              }
            }
            line.addEventListener("mouseenter", () => light([each.index]));
            line.addEventListener("mouseleave", still);
          }
          const foot = element(element(table, "tfoot"), "tr");
          const sum = key => profile.operators.reduce((all, each) => all + each[key], 0);
          const totals = ["", "total", "", "", "", duration(total), "", "", work(profile.macs),
            profile.gmacsPerSecond.toFixed(1), profile.percentOfPeak.toFixed(0) + " %", bytes(sum("bytesMoved"))];
          totals.forEach((text, index) => {
            const cell = element(foot, "td", columns[index][3] === "text" ? { class: "text" } : {}, text);
            if (index === 5) element(cell, "span", { class: "rail" });
          });
          lighters[1] = lit => {
            for (const [index, line] of lines) line.classList.toggle("lit", lit !== null && lit.includes(index));
          };
        }
        showOperators();

        """#

    static let roofline = #"""
        function drawRoofline() {
          const machine = profile.machine, peak = machine.peakGmacsPerSecond * profile.threads * 1e9;
          const dots = listed.filter(each => each.macs > 0 && each.medianMicroseconds > 0).map(each => ({ ...each,
            intensity: each.macs / each.bytesMoved, rate: each.gmacsPerSecond * 1e9 }));
          const wide = 1280, high = 470, left = 78, right = 24, top = 18, bottom = 46;
          const decade = value => Math.floor(Math.log10(value));
          const ridge = Math.max(...machine.bandwidths.map(each => peak / each.gigabytesPerSecond / 1e9), 1);
          const least = Math.min(...dots.map(each => each.intensity), 1);
          const x0 = Math.log10(least / 3), x1 = Math.log10(Math.max(...dots.map(each => each.intensity), ridge) * 3);
          const y0 = decade(Math.min(...dots.map(each => each.rate), peak / 100)), y1 = Math.log10(peak * 2);
          const x = value => left + (Math.log10(value) - x0) / (x1 - x0) * (wide - left - right);
          const y = value => top + (y1 - Math.log10(value)) / (y1 - y0) * (high - top - bottom);
          const svg = draw(id("roofline"), "svg", { viewBox: `0 0 ${wide} ${high}`, role: "img",
            "aria-label": "Speed of each operator over its arithmetic intensity" });
          for (let power = Math.ceil(x0); power <= x1; power++) {
            const at = x(10 ** power);
            draw(svg, "line", { class: "grid", x1: at, x2: at, y1: top, y2: high - bottom });
            draw(svg, "text", { x: at, y: high - bottom + 17, "text-anchor": "middle" },
              power < 0 ? (10 ** power).toFixed(-power) : grouped(10 ** power));
          }
          for (let power = Math.ceil(y0); power <= y1; power++) {
            const at = y(10 ** power);
            draw(svg, "line", { class: "grid", x1: left, x2: wide - right, y1: at, y2: at });
            draw(svg, "text", { x: left - 8, y: at + 4, "text-anchor": "end" }, String(Number((10 ** (power - 9)).toPrecision(3))));
          }
          draw(svg, "text", { x: wide - right, y: high - 8, "text-anchor": "end" },
            "multiply-accumulates a byte moved");
          draw(svg, "text", { x: left, y: top - 5 }, "GMAC/s");

          // Below the ridge, what a working set of a size lets through.
          machine.bandwidths.forEach((each, index) => {
            const rate = each.gigabytesPerSecond * 1e9;
            const from = Math.max(10 ** x0, 10 ** y0 / rate), to = Math.min(peak / rate, 10 ** x1);
            if (from >= to) return;
            draw(svg, "line", { class: "slope", x1: x(from), y1: y(from * rate), x2: x(to), y2: y(to * rate) });
            const near = 10 ** (Math.log10(from) + (Math.log10(to) - Math.log10(from)) * (.2 + .06 * index));
            const angle = Math.atan2(y(to * rate) - y(from * rate), x(to) - x(from)) * 180 / Math.PI;
            draw(svg, "text", { class: "halo", "text-anchor": "middle", x: 0, y: -6,
              transform: `translate(${x(near)} ${y(near * rate)}) rotate(${angle})` },
              each.gigabytesPerSecond.toFixed(0) + " GB/s, " + size(each.workingSetBytes));
          });
          const fastest = machine.bandwidths[0].gigabytesPerSecond * 1e9;
          draw(svg, "line", { class: "ceiling", x1: x(Math.max(10 ** x0, peak / fastest)), x2: wide - right, y1: y(peak),
            y2: y(peak) });
          draw(svg, "text", { class: "strong halo", x: wide - right, y: y(peak) - 7, "text-anchor": "end" },
            "peak " + (peak / 1e9).toFixed(0) + " GMAC/s, " + machine.instructionSet
              + (profile.threads > 1 ? ", " + profile.threads + " cores" : ""));

          const shapes = [];
          for (const each of [...dots].sort((a, b) => b.medianMicroseconds - a.medianMicroseconds)) {
            const shape = draw(svg, "circle", { class: "dot", cx: x(each.intensity), cy: y(each.rate), fill: color(each),
              r: 3.5 + Math.sqrt(each.medianMicroseconds / total) * 26 });
            shapes.push([shape, each.index]);
            shape.addEventListener("mousemove", event => { tellOperation(event, each.index); light([each.index]); });
            shape.addEventListener("mouseleave", still);
          }
          lighters[2] = lit => {
            for (const [shape, index] of shapes)
              shape.classList.toggle("faded", lit !== null && !lit.includes(index));
          };
          id("rooflineNote").textContent = "Each dot is an operator, its area its share of the time. Up: multiply-"
            + "accumulates a second. To the right: multiply-accumulates for each byte that its rows read or write, "
            + "weights counted once a row. The ceiling and the slopes are this machine's, measured with this profile; a "
            + "dot below a slope and far below the ceiling spends its time on neither: on requantizing, for the most part.";
        }
        drawRoofline();

        """#
}
