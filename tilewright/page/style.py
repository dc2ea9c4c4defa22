"""The style sheet of the report, light and dark."""

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --back: #fbfaf8; --card: #fff; --ink: #1d1f24; --soft: #6a6f7a;
  --edge: #e2e0da; --load: #2f7ed8; --matrix: #e08a1e; --vector: #2f9e62; --store: #a24fc4;
  --queue: #8a8f99; --fetch: #c4506a; --latency: #c4506a; }
@media (prefers-color-scheme: dark) { :root { --back: #15171b; --card: #1d2026; --ink: #e6e7ea;
  --soft: #9aa0ab; --edge: #32363e; --load: #62a5ee; --matrix: #f0a84a; --vector: #5cc58b;
  --store: #c585e0; --queue: #868c97; --fetch: #e5778f; --latency: #e5778f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.2rem 4rem; max-width: 80rem; background: var(--back);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem; }
p { margin: .2rem 0 .8rem; max-width: 52rem; } .soft { color: var(--soft); }
code { font: .92em ui-monospace, Consolas, monospace; }
.cards { display: flex; flex-wrap: wrap; gap: .7rem; margin: 1rem 0; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  padding: .5rem .9rem; min-width: 8.5rem; }
.card b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .86rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .26rem .5rem; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: color-mix(in srgb, var(--ink) 5%, transparent); }
.fit { width: fit-content; max-width: 100%; }
.w { text-align: left; } .n { text-align: right; }
.name { display: inline-block; max-width: 12.5rem; overflow: hidden; text-overflow: ellipsis;
  vertical-align: bottom; }
.badge { border-radius: 9px; padding: .05rem .5rem; font-size: .8rem; font-weight: 600;
  color: var(--card); }
.bar { display: inline-flex; width: 3.4rem; height: .6rem; border-radius: 3px; overflow: hidden;
  background: color-mix(in srgb, var(--ink) 9%, transparent); margin-left: .5rem; }
.bar i { display: block; height: 100%; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .84rem; color: var(--soft);
  margin: .3rem 0 .6rem; }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px;
  margin-right: .35rem; vertical-align: -1px; }
svg { width: 100%; height: auto; background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; display: block; }
svg text { font-size: 11px; fill: var(--ink); } svg .tick { fill: var(--soft); }
svg .grid { stroke: var(--edge); fill: none; } svg .roof { stroke: var(--ink); fill: none;
  stroke-width: 1.6; } svg .lead { stroke: var(--soft); stroke-width: .6; fill: none; }
svg .limit { stroke: var(--soft); stroke-dasharray: 4 3; fill: none; }
svg .band { fill: var(--ink); fill-opacity: 0; } svg .band.odd { fill-opacity: .05; }
svg .band:hover { fill-opacity: .14; }
svg .dot { stroke: var(--card); stroke-width: 1; }
.load { fill: var(--load); background: var(--load); }
.matrix { fill: var(--matrix); background: var(--matrix); }
.vector { fill: var(--vector); background: var(--vector); }
.store { fill: var(--store); background: var(--store); }
.queue { fill: var(--queue); background: var(--queue); }
.fetch { fill: var(--fetch); background: var(--fetch); }
.latency { fill: var(--latency); background: var(--latency); }
.waits { opacity: .3; }
details { margin: .8rem 0; } summary { cursor: pointer; font-weight: 600; }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0 0 0 1.2rem; max-width: 50rem; }
@media print { body { max-width: none; } }
"""
