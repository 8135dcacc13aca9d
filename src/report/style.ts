/**
 * The style sheet of the report. Orange always means hallucinated and blue faithful (a pair that colour-blind readers
 * tell apart), grey means chance.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fcfbf9; --card: #ffffff; --ink: #1f1e1c; --soft: #5b5853; --line: #e2dfd8;
  --hallucinated: #c2500a; --faithful: #0c69a6; --control: #85817a;
  --good: #1d6b45; --bad: #8a3a0b; --unsure: #6a5a12;
  --r0: #a9d0ec; --r1: #d9e9f4; --r2: #ece9e3; --r3: #f8d8bb; --r4: #efa66a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17191c; --card: #1e2125; --ink: #e9e7e2; --soft: #aeaaa2; --line: #34383e;
    --hallucinated: #f2924a; --faithful: #69b4ea; --control: #918e88;
    --good: #7fd0a4; --bad: #f2a470; --unsure: #dcc866;
    --r0: #1d5580; --r1: #24405a; --r2: #35383d; --r3: #5d3a1f; --r4: #8c4712;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
main, header, footer { max-width: 908px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 44px; }
h1, h2 { font-family: ui-serif, Charter, "Iowan Old Style", "Noto Serif", Georgia, serif; font-weight: 600; line-height: 1.2; text-wrap: balance; }
h1 { font-size: clamp(1.75rem, 1.1rem + 2.8vw, 2.7rem); margin: 10px 0 14px; letter-spacing: -.01em; }
h2 { font-size: 1.6rem; margin: 64px 0 6px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 1.06rem; margin: 0 0 2px; }
section > h3 { margin-top: 28px; }
h4 { font-size: .85rem; margin: 0; font-weight: 600; }
h4 span { color: var(--soft); font-weight: 400; }
p { margin: 0 0 12px; max-width: 70ch; }
a { color: var(--faithful); text-underline-offset: 2px; }
code { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.eyebrow { color: var(--soft); font-size: .9rem; margin: 0; }
.beats h1 { color: var(--good); } .does-not-beat h1 { color: var(--bad); } .too-few h1 { color: var(--unsure); }
.lead { font-size: 1.15rem; line-height: 1.5; max-width: 62ch; }
.note { color: var(--soft); font-size: .95rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(188px, 1fr)); gap: 1px; background: var(--line);
  border: 1px solid var(--line); border-radius: 8px; overflow: hidden; margin: 26px 0 20px; padding: 0; }
.tiles > div { background: var(--card); padding: 16px 18px 14px; }
.tiles dt { font-size: .85rem; color: var(--soft); }
.tiles dd { margin: 0; }
.tiles .big { font-size: 2.15rem; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.tiles .big small { font-size: .95rem; font-weight: 400; color: var(--soft); letter-spacing: 0; white-space: nowrap; }
.tiles .what { font-size: .88rem; line-height: 1.45; color: var(--soft); margin-top: 4px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; padding: 0; margin: 18px 0 0; font-size: .92rem; }
.warnings { border-left: 4px solid var(--unsure); padding: 2px 0 2px 16px; margin: 22px 0; }
.warnings ul { margin: 4px 0; padding-left: 18px; }
figure { margin: 30px 0 0; }
figcaption p { color: var(--soft); font-size: .94rem; margin-bottom: 6px; }
figure svg.plot, .multiples svg.plot { display: block; max-width: 100%; height: auto; overflow: visible; }
svg.plot text { white-space: pre; fill: var(--ink); }
svg.plot { --plot-background: var(--paper); font-family: inherit; }
.narrow { display: none; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 36px; }
.pair figure { display: flex; flex-direction: column; justify-content: space-between; }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 16px 20px; margin-top: 10px; }
.keys { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; padding: 0; margin: 4px 0 8px; font-size: .86rem; }
.key { display: inline-block; vertical-align: middle; margin-right: 7px; color: var(--control); }
.key.dot { width: 11px; height: 11px; border-radius: 50%; background: currentColor; }
.key.area { width: 16px; height: 11px; background: currentColor; }
.key.line { width: 18px; height: 0; border-top: 3px solid currentColor; }
.key.dash { width: 18px; height: 0; border-top: 2px dashed var(--ink); }
.key.hallucinated { color: var(--hallucinated); } .key.faithful { color: var(--faithful); }
.key.ink, .key.uncertain { color: var(--ink); } .key.stopped { color: var(--line); }
#cett .key.area, #roc .key.area { opacity: .45; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; font-variant-numeric: tabular-nums; margin: 8px 0; }
th, td { text-align: left; padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { font-size: .84rem; color: var(--soft); font-weight: 600; overflow-wrap: normal; }
th:last-child, td:last-child { padding-right: 0; }
tbody th { font-weight: 500; }
.number { text-align: right; }
td.number { white-space: nowrap; }
td small { color: var(--soft); white-space: nowrap; }
caption { text-align: left; color: var(--soft); font-size: .9rem; }
.sets h3 { margin-top: 30px; } .sets td small, .sets th small { display: block; }
tr.small td, tr.small th { color: var(--soft); }
.tag { font-size: .78rem; color: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; white-space: nowrap; }
details { margin: 16px 0; border: 1px solid var(--line); border-radius: 8px; padding: 0 16px; background: var(--card); }
summary { cursor: pointer; padding: 10px 0; font-weight: 500; }
.columns { max-height: 420px; overflow-y: auto; }
.examples { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; margin-top: 16px; }
.example { border: 1px solid var(--line); border-radius: 8px; background: var(--card); padding: 14px 18px; }
.example h3 { font-weight: 500; font-size: 1rem; }
.example p { font-size: .88rem; margin: 6px 0 0; color: var(--soft); }
.card h3 small { color: var(--soft); font-weight: 400; }
.card dl { margin: 6px 0 0; font-size: .9rem; } .card dt { color: var(--soft); font-size: .82rem; margin-top: 8px; }
.card dd { margin: 0; } .card dd + dd { margin-top: 4px; } .card small { color: var(--soft); }
mark { background: var(--r3); color: var(--ink); border-radius: 3px; padding: 1px 2px; }
.example .fate, .card .fate { font-weight: 600; }
.fate.hallucinated { color: var(--hallucinated); } .fate.faithful { color: var(--faithful); }
.example .tokens { font-size: 1.14rem; line-height: 1.9; margin: 8px 0; color: var(--ink); white-space: pre-wrap; }
.tokens span { padding: 3px 1px; border-radius: 3px; }
.tokens .answer { border-bottom: 2px solid currentColor; border-radius: 3px 3px 0 0; }
.r0 { background: var(--r0); } .r1 { background: var(--r1); } .r2 { background: var(--r2); } .r3 { background: var(--r3); } .r4 { background: var(--r4); }
.scale { display: flex; align-items: center; flex-wrap: wrap; gap: 6px 12px; font-size: .86rem; }
.scale .steps { display: flex; }
.scale .steps span { padding: 3px 9px; font-variant-numeric: tabular-nums; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 22px; margin: 14px 0; font-size: .94rem; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; }
.glossary dt { font-weight: 600; margin-top: 12px; } .glossary dd { margin: 0; max-width: 70ch; color: var(--soft); }
footer { color: var(--soft); font-size: .88rem; padding-top: 40px; padding-bottom: 48px; }
:focus-visible { outline: 2px solid var(--faithful); outline-offset: 2px; }
@media screen and (max-width: 760px) {
  main, header, footer { padding-left: 16px; padding-right: 16px; }
  header { padding-top: 26px; }
  .wide { display: none; } .narrow { display: block; }
  .pair, .examples { grid-template-columns: minmax(0, 1fr); }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles > div { padding: 12px; }
  .tiles .big { font-size: 1.75rem; } .tiles .big small { display: block; }
  .multiples { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  figure .narrow svg.plot { width: 100%; max-width: 480px; }
  th, td { padding-right: 8px; }
  h2 { margin-top: 44px; }
  td small { display: block; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; } .facts dd { margin-bottom: 8px; }
  table.stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.stack tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); border-bottom: 1px solid var(--line); padding: 8px 0; }
  table.stack th { grid-column: 1 / -1; }
  table.stack th, table.stack td { border: 0; padding: 1px 0; text-align: left; }
  table.stack td[colspan] { grid-column: 1 / -1; }
  table.stack td::before { content: attr(data-label); display: block; font-size: .76rem; color: var(--soft); }
  table.stack th[data-label]::before { content: attr(data-label) " "; font-size: .84rem; font-weight: 400; color: var(--soft); }
  table.stack, table.stack tbody { display: block; } table.stack caption { display: block; text-align: left; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc;
    --hallucinated: #c2500a; --faithful: #0c69a6; --control: #85817a; --good: #1d6b45; --bad: #8a3a0b; --unsure: #6a5a12;
    --r0: #a9d0ec; --r1: #d9e9f4; --r2: #ece9e3; --r3: #f8d8bb; --r4: #efa66a;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, details:not([open]) { display: none; }
  .columns { max-height: none; overflow: visible; }
  figure, .example, .tiles > div, tr { break-inside: avoid; }
  h2, h3, figcaption { break-after: avoid; }
  body { font-size: 10.5pt; }
  .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); } .tiles .big { font-size: 1.6rem; } .tiles .big small { display: block; }
  .tiles > div { padding: 10px 12px; }
  h2 { margin-top: 32px; }
}
`;
