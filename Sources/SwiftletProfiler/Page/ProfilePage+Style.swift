/// How the page looks, by day and by night. Part of `ProfilePage`.

extension ProfilePage {
    static let style = """
        <style>
        :root { color-scheme: light dark; --ground: #f5f6f8; --card: #fff; --ink: #1c2330; --faint: #667085;
          --line: #e3e6ec; --grid: #edeff3; --peak: #d92d20; --accent: #2f5fd0; --soft: #dfe7fb; --lit: #fff4d6; }
        @media (prefers-color-scheme: dark) { :root { --ground: #12151b; --card: #1a1f28; --ink: #e6e9ef;
          --faint: #95a0b3; --line: #2b323f; --grid: #232a35; --peak: #ff6b5e; --accent: #7ea2ff; --soft: #27344f;
          --lit: #3a3320; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 28px 24px 48px; max-width: 1320px; background: var(--ground);
          color: var(--ink); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
        header { margin: 0 2px 18px; }
        h1 { font-size: 24px; margin: 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }
        h2 { font-size: 16px; margin: 0; }
        header p { margin: 2px 0 0; color: var(--faint); overflow-wrap: anywhere; }
        .note { margin: 4px 0 12px; color: var(--faint); max-width: 95ch; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px;
          margin-bottom: 18px; }
        .bar { display: flex; justify-content: space-between; align-items: center; }
        #figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px;
          margin-bottom: 18px; }
        .figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
        .figure b { display: block; font-size: 23px; font-weight: 650; letter-spacing: -0.02em; }
        .figure span { color: var(--faint); font-size: 12.5px; }
        .figure .name { text-transform: uppercase; font-size: 11px; letter-spacing: 0.06em; }
        .switch { display: flex; border: 1px solid var(--line); border-radius: 7px; overflow: hidden; }
        .switch button { border: 0; background: none; color: var(--faint); padding: 5px 13px; font: inherit;
          cursor: pointer; }
        .switch button[aria-pressed="true"] { background: var(--soft); color: var(--ink); font-weight: 600; }
        svg { display: block; width: 100%; height: auto; font: 11.5px system-ui, sans-serif; }
        svg text { fill: var(--faint); }
        svg .strong { fill: var(--ink); font-weight: 600; }
        svg .grid { stroke: var(--grid); }
        svg .axis { stroke: var(--line); }
        svg .segment { stroke: var(--faint); stroke-dasharray: 2 4; opacity: .55; }
        svg .peak { stroke: var(--peak); stroke-width: 1.5; }
        svg .peakText { fill: var(--peak); font-weight: 600; }
        svg .limit { stroke: var(--faint); stroke-dasharray: 5 4; }
        svg .use { fill: var(--soft); stroke: var(--accent); stroke-width: 1.2; }
        svg .band { cursor: pointer; }
        svg .ring { fill: currentColor; fill-opacity: .1; stroke: currentColor; stroke-opacity: .5; stroke-width: .6;
          pointer-events: none; }
        svg .rows { fill: currentColor; }
        svg .bandName { fill: var(--ink); pointer-events: none; font-size: 11px; font-weight: 600; }
        svg .plate { fill: var(--card); fill-opacity: .82; pointer-events: none; }
        svg .dot { cursor: pointer; stroke: var(--card); stroke-width: 1; fill-opacity: .82; }
        svg .faded { opacity: .16; }
        svg .ceiling { stroke: var(--ink); stroke-width: 1.6; fill: none; }
        svg .slope { stroke: var(--faint); stroke-width: 1.3; fill: none; }
        svg .halo { stroke: var(--card); stroke-width: 4; paint-order: stroke; stroke-linejoin: round; }
        .scroll { overflow-x: auto; max-height: 640px; overflow-y: auto; border: 1px solid var(--line);
          border-radius: 8px; }
        table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
        th { position: sticky; top: 0; background: var(--card); text-align: right; font-weight: 600; cursor: pointer;
          padding: 8px 9px; border-bottom: 1px solid var(--line); white-space: nowrap; font-size: 12.5px; }
        td { text-align: right; padding: 4px 9px; border-bottom: 1px solid var(--grid); white-space: nowrap; }
        th.text, td.text { text-align: left; }
        th[aria-sort]::after { content: " \\2193"; color: var(--accent); }
        th[aria-sort="ascending"]::after { content: " \\2191"; }
        tr.lit td { background: var(--lit); }
        tfoot td { font-weight: 650; border-top: 1px solid var(--line); position: sticky; bottom: 0;
          background: var(--card); }
        .meter { display: inline-block; height: 9px; border-radius: 2px; background: var(--accent);
          vertical-align: baseline; margin-left: 8px; }
        .rail { display: inline-block; width: 74px; text-align: left; }
        .swatch { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 8px; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--faint); font-size: 12.5px;
          margin-top: 8px; }
        #tip { position: fixed; z-index: 9; pointer-events: none; background: var(--ink); color: var(--card);
          border-radius: 8px; padding: 9px 12px; max-width: 380px; font-size: 12.5px; line-height: 1.5;
          box-shadow: 0 6px 24px rgba(0, 0, 0, .28); }
        #tip b { display: block; font-size: 13.5px; overflow-wrap: anywhere; }
        footer { color: var(--faint); font-size: 12.5px; margin: 0 2px; }
        </style>

        """
}
