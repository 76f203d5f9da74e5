/// The page's script: what all its drawings share, and the figures at its head. Part of `ProfilePage`.

extension ProfilePage {
    static let basics = #"""
        const { profile, timeline, outputs, order, times } = JSON.parse(document.getElementById("data").textContent);
        const memory = timeline.memory;
        const svgSpace = "http://www.w3.org/2000/svg";
        const id = name => document.getElementById(name);

        function element(parent, name, attributes = {}, text) {
          const made = document.createElement(name);
          for (const key in attributes) made.setAttribute(key, attributes[key]);
          if (text !== undefined) made.textContent = text;
          parent.append(made);
          return made;
        }
        function draw(parent, name, attributes = {}, text) {
          const made = document.createElementNS(svgSpace, name);
          for (const key in attributes) made.setAttribute(key, attributes[key]);
          if (text !== undefined) made.textContent = text;
          parent.append(made);
          return made;
        }

        const grouped = value => Math.round(value).toLocaleString("en-US");
        function bytes(value) {
          if (value < 1024) return grouped(value) + " B";
          return value < 1048576 ? (value / 1024).toFixed(1) + " KiB" : (value / 1048576).toFixed(2) + " MiB";
        }
        const size = value => value < 1048576 ? value / 1024 + " KiB" : value / 1048576 + " MiB";
        function work(value) {
          if (value >= 1e6) return (value / 1e6).toFixed(value < 1e8 ? 2 : 1) + " M";
          return value >= 1e3 ? (value / 1e3).toFixed(1) + " k" : grouped(value);
        }
        function duration(microseconds) {
          return microseconds >= 1000 ? (microseconds / 1000).toFixed(3) + " ms" : microseconds.toFixed(1) + " µs";
        }
        /// Round values from 0 to `most`, about `count` of them.
        function ticks(most, count) {
          const rough = Math.max(most, 1) / count, power = 10 ** Math.floor(Math.log10(rough));
          const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough);
          return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, index) => index * step);
        }

        // Families of operators, a colour each, told apart by most eyes (after Okabe and Ito, 2008).
        const families = {
          pointwise: ["#2f6fd6", "pointwise"], convolution: ["#7a4fc4", "convolution"],
          depthwise: ["#0d9a7a", "depthwise"], pool: ["#c98500", "pool and mean"], sum: ["#d1495b", "of two maps"],
          other: ["#7d8796", "other"], input: ["#55708f", "input"] };
        function family(operation) {
          const kind = operation.kind;
          if (kind.startsWith("conv 1x1")) return "pointwise";
          if (kind.startsWith("conv")) return kind.startsWith("concat") ? "other" : "convolution";
          if (kind.startsWith("depthwise")) return "depthwise";
          if (/^(max|average|mean)/.test(kind) && !/^maximum/.test(kind)) return "pool";
          return /^(add|subtract|multiply|maximum|minimum)/.test(kind) ? "sum" : "other";
        }
        const color = operation => families[family(operation)][0];
        // The footer names the instruction set for all.
        const prefix = profile.machine.instructionSet + " ";
        const kernel = each => each.kernel.startsWith(prefix) ? each.kernel.slice(prefix.length) : each.kernel;
        const total = profile.operators.reduce((sum, operation) => sum + operation.medianMicroseconds, 0);

        // One thing at a time is lit, in all drawings: the operators that `lit` names.
        const lighters = [];
        function light(lit) { for (const lighter of lighters) lighter(lit); }
        const tip = id("tip");
        function tell(event, title, lines) {
          tip.hidden = false;
          tip.replaceChildren();
          element(tip, "b", {}, title);
          for (const line of lines) element(tip, "div", {}, line);
          const { width, height } = tip.getBoundingClientRect();
          const x = event.clientX + 16 + width > innerWidth ? event.clientX - width - 12 : event.clientX + 16;
          const y = Math.min(event.clientY + 14, innerHeight - height - 8);
          tip.style.left = Math.max(4, x) + "px";
          tip.style.top = Math.max(4, y) + "px";
        }
        function still() {
          tip.hidden = true;
          light(null);
        }
        function tellOperation(event, index) {
          const operation = profile.operators[index], lines = [operation.kind + " to " + operation.outputShape];
          lines.push(operation.kernel);
          lines.push(duration(operation.medianMicroseconds) + ", "
            + (operation.medianMicroseconds / total * 100).toFixed(1) + " % of the run");
          if (operation.macs > 0)
            lines.push(work(operation.macs) + " MACs, " + operation.gmacsPerSecond.toFixed(1) + " GMAC/s, "
              + operation.percentOfPeak.toFixed(0) + " % of the peak");
          lines.push(bytes(operation.bytesMoved) + " moved, " + bytes(operation.parameterBytes) + " of parameters");
          tell(event, operation.name, lines);
        }

        const file = profile.model.split("/").pop();
        document.title = file + " · Swiftlet profile";
        id("title").textContent = file;
        id("subtitle").textContent = profile.architecture;
        function figure(name, value, note) {
          const box = element(id("figures"), "div", { class: "figure" });
          element(box, "span", { class: "name" }, name);
          element(box, "b", {}, value);
          element(box, "span", {}, note);
        }
        figure("arena", grouped(profile.arenaBytes) + " B",
          (memory.layerwiseBytes / Math.max(memory.arenaBytes, 1)).toFixed(1) + " times less than whole tensors, "
            + bytes(memory.layerwiseBytes));
        figure("latency", profile.medianMs.toFixed(3) + " ms", "median; fastest " + profile.minMs.toFixed(3)
          + ", p90 " + profile.p90Ms.toFixed(3) + ", " + profile.runs + " runs"
          + (profile.threads > 1 ? ", " + profile.threads + " threads" : ""));
        figure("work", work(profile.macs) + " MACs", memory.macsFactor > 1
          ? memory.macsFactor.toFixed(2) + " times those of the network, to save memory"
          : "every multiply done once");
        figure("speed", profile.gmacsPerSecond.toFixed(0) + " GMAC/s", profile.percentOfPeak.toFixed(0)
          + " % of the " + (profile.machine.peakGmacsPerSecond * profile.threads).toFixed(0)
          + " that this machine can do");
        figure("file", bytes(profile.fileBytes), "of which parameters " + bytes(profile.weightBytes));
        id("footer").textContent = "Measured with " + profile.machine.instructionSet + " kernels. Peak: "
          + profile.machine.peakGmacsPerSecond.toFixed(1) + " GMAC/s of dot products in registers on one core; reads: "
          + profile.machine.bandwidths.map(each => each.gigabytesPerSecond.toFixed(1) + " GB/s of "
            + size(each.workingSetBytes)).join(", ") + ".";

        """#
}
