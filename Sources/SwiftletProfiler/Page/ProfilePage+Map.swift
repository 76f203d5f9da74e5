/// The page's script: the arena over the run. Part of `ProfilePage`.

extension ProfilePage {
    static let map = #"""
        // What rings hold, by the operators that write them; a ring without any is the input's or an operator's sums.
        const writers = new Map();
        outputs.forEach((ring, index) => writers.set(ring, [...(writers.get(ring) ?? []), index]));
        const bands = timeline.rings.map(each => ({ ...each.ring, ...each, writers: writers.get(each.index) ?? [] }));
        for (const band of bands) {
          const writer = profile.operators[band.writers[0]];
          band.color = writer ? color(writer) : families[band.name === "input" ? "input" : "other"][0];
        }
        // Neighbours of one family are told apart by lightness.
        bands.forEach((band, index) => { band.shade = [0, 14, 28][index % 3]; });

        /// The places of a ring's rows, as one shape: each row in its slot, as long as it is there.
        function outlineOfRows(band, x, y) {
          let outline = "";
          band.rowMoments.forEach((span, row) => {
            if (!span.length) return;
            const slot = (row + band.phase) % band.rows, low = band.offset + slot * band.rowBytes;
            const from = x(span[0]).toFixed(1), to = x(span[1] + 1).toFixed(1);
            outline += `M${from} ${y(low).toFixed(2)}H${to}V${y(low + band.rowBytes).toFixed(2)}H${from}Z`;
          });
          return outline;
        }

        function drawMap(byTime) {
          const wide = 1280, left = 70, right = 16, top = 26, high = 430, gap = 66, useHigh = 90, bottom = 34;
          const svg = draw(id("map"), "svg", {
            viewBox: `0 0 ${wide} ${top + high + gap + useHigh + bottom}`, role: "img",
            "aria-label": "Which tensor lies where in the arena, over the run" });
          const last = byTime ? times[times.length - 1] : timeline.moments + 1;
          const x = moment => left + (byTime ? times[Math.min(moment, times.length - 1)] : moment) / last
            * (wide - left - right);
          const y = offset => top + high - offset / memory.arenaBytes * high;
          const useTop = top + high + gap;
          const useY = count => useTop + useHigh - count / memory.arenaBytes * useHigh;

          for (const tick of ticks(memory.arenaBytes / 1024, 6)) {
            const at = y(tick * 1024);
            draw(svg, "line", { class: "grid", x1: left, x2: wide - right, y1: at, y2: at });
            draw(svg, "text", { x: left - 8, y: at + 4, "text-anchor": "end" }, tick + " KiB");
          }
          draw(svg, "rect", { x: left, y: y(memory.stateBytes), width: wide - left - right,
            height: y(0) - y(memory.stateBytes), fill: "var(--faint)", "fill-opacity": .45 });

          const shapes = [];
          for (const band of bands) {
            const from = x(band.firstMoment), to = x(band.lastMoment + 1);
            const bandTop = y(band.offset + band.byteCount), bandHigh = y(band.offset) - bandTop;
            const group = draw(svg, "g", { class: "band", style: `color:color-mix(in oklab, ${band.color}, #fff ${band.shade}%)` });
            draw(group, "rect", { class: "ring", x: from, y: bandTop, width: Math.max(to - from, 1), height: bandHigh });
            draw(group, "path", { class: "rows", d: outlineOfRows(band, x, y) });
            shapes.push([group, band]);
            group.addEventListener("mousemove", event => {
              tell(event, band.name, [
                bytes(band.byteCount) + " at " + grouped(band.offset),
                band.rows >= band.height ? "whole: " + band.height + (band.height > 1 ? " rows" : " row")
                  : "ring of " + band.rows + " of " + band.height + " rows",
                "rows " + grouped(band.firstMoment) + " to " + grouped(band.lastMoment) + " of the run, "
                  + duration(times[Math.min(band.lastMoment + 1, times.length - 1)] - times[band.firstMoment]),
                band.peakBytes > 0 ? bytes(band.peakBytes) + " in use at the peak" : "empty at the peak",
                ...band.writers.slice(0, 6).map(index => {
                  const writer = profile.operators[index];
                  return "made by " + kernel(writer) + " in " + duration(writer.medianMicroseconds) + ", "
                    + (writer.medianMicroseconds / total * 100).toFixed(1) + " % of the run";
                }) ]);
              light(band.writers.length ? band.writers : [-1 - band.index]);
            });
            group.addEventListener("mouseleave", still);
          }
          // Names above all bands, the largest first, where there is room.
          const named = [];
          const area = band => band.byteCount * (x(band.lastMoment + 1) - x(band.firstMoment));
          for (const band of [...bands].sort((a, b) => area(b) - area(a))) {
            const length = band.name.length * 6.6 + 10, middle = (x(band.firstMoment) + x(band.lastMoment + 1)) / 2;
            const bandHigh = y(band.offset) - y(band.offset + band.byteCount);
            const box = { left: middle - length / 2, right: middle + length / 2, y: y(band.offset + band.byteCount / 2) };
            const isFree = named.every(other => other.right < box.left || other.left > box.right
              || Math.abs(other.y - box.y) > 15);
            if (bandHigh < 13 || x(band.lastMoment + 1) - x(band.firstMoment) < length || !isFree) continue;
            named.push(box);
            draw(svg, "rect", { class: "plate", x: box.left, y: box.y - 8, width: length, height: 16, rx: 8 });
            draw(svg, "text", { class: "bandName", "text-anchor": "middle", x: middle, y: box.y + 4 }, band.name);
          }
          lighters[0] = lit => {
            for (const [shape, band] of shapes)
              shape.classList.toggle("faded", lit !== null
                && !band.writers.some(writer => lit.includes(writer)) && !lit.includes(-1 - band.index));
          };

          // Who runs: for each family all of its rows as one shape.
          const runs = {};
          order.forEach((operation, moment) => {
            if (operation === null) return;
            const name = family(profile.operators[operation]);
            const from = x(moment + 1).toFixed(1), to = x(moment + 2).toFixed(1);
            runs[name] = (runs[name] ?? "") + `M${from} ${top + high + 12}H${to}v14H${from}Z`;
          });
          for (const name in runs) draw(svg, "path", { d: runs[name], fill: families[name][0] });
          draw(svg, "text", { x: left - 8, y: top + high + 23, "text-anchor": "end" }, "running");

          // In use below, under the same axis.
          draw(svg, "text", { class: "strong", x: left, y: useTop - 10 }, "in use");
          let outline = `M${x(0)} ${useY(0)}`;
          timeline.liveBytes.forEach((count, moment) => {
            outline += `L${x(moment).toFixed(1)} ${useY(count).toFixed(1)}`
              + `L${x(moment + 1).toFixed(1)} ${useY(count).toFixed(1)}`;
          });
          draw(svg, "path", { class: "use", d: outline + `L${x(timeline.moments + 1)} ${useY(0)}Z` });
          draw(svg, "line", { class: "limit", x1: left, x2: wide - right, y1: useY(memory.arenaBytes),
            y2: useY(memory.arenaBytes) });
          draw(svg, "text", { x: wide - right, y: useY(memory.arenaBytes) - 5, "text-anchor": "end" },
            "the arena, " + grouped(memory.arenaBytes) + " B");
          draw(svg, "text", { x: left - 8, y: useY(0) + 4, "text-anchor": "end" }, "0");

          for (const segment of timeline.segments.slice(1)) {
            const at = x(segment.firstMoment);
            draw(svg, "line", { class: "segment", x1: at, x2: at, y1: top, y2: useTop + useHigh });
          }
          const peak = x(timeline.peakMoment + .5 > timeline.moments ? timeline.moments : timeline.peakMoment);
          draw(svg, "line", { class: "peak", x1: peak, x2: peak, y1: top - 6, y2: useTop + useHigh });
          const isLate = peak > wide * .6;
          draw(svg, "text", { class: "peakText", x: peak + (isLate ? -7 : 7), y: top - 10,
            "text-anchor": isLate ? "end" : "start" }, "peak: " + grouped(memory.livePeakBytes)
              + " B in use at row " + grouped(timeline.peakMoment));
          for (const tick of ticks(last, 10)) {
            const at = left + tick / last * (wide - left - right);
            draw(svg, "text", { x: at, y: useTop + useHigh + 17, "text-anchor": "middle" },
              byTime ? (last < 5000 ? grouped(tick) + " µs" : tick / 1000 + " ms") : grouped(tick));
          }
          draw(svg, "text", { x: wide - right, y: useTop + useHigh + 31, "text-anchor": "end" },
            byTime ? "time of the fastest watched run" : "rows pushed and made");
        }

        function showMap(byTime) {
          id("map").replaceChildren();
          drawMap(byTime);
          id("byTime").setAttribute("aria-pressed", byTime);
          id("byRow").setAttribute("aria-pressed", !byTime);
          const legend = element(id("map"), "div", { class: "legend" });
          const used = new Set(profile.operators.map(family).concat("input"));
          for (const name in families) {
            if (!used.has(name)) continue;
            const entry = element(legend, "span");
            element(entry, "span", { class: "swatch", style: "background:" + families[name][0] });
            entry.append(families[name][1]);
          }
          const entry = element(legend, "span");
          entry.append("dotted: the segments, " + timeline.segments.length + ", whose rings take turns");
        }
        id("byTime").addEventListener("click", () => showMap(true));
        id("byRow").addEventListener("click", () => showMap(false));
        showMap(false);

        """#
}
