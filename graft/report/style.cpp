#include "graft/report/style.h"

namespace graft::report {

const char* style_sheet() {
  return R"css(
:root{color-scheme:light dark;--bg:#f6f7f9;--panel:#fff;--ink:#1b2330;--soft:#5b6675;--line:#e2e6ec;
--grid:#edf0f4;--accent:#2563c9;--good:#1a7f4e;--bad:#c0362c;--warn:#9a6200;--track:#eceff4;--on:#fff;
--s0:#2563c9;--s1:#d9680b;--s2:#17855a;--s3:#8b4fd0;--s4:#c8334f;--s5:#0e8a9c;--s6:#8d6a2f;--s7:#6b7686}
@media (prefers-color-scheme:dark){:root{--bg:#11151c;--panel:#191f29;--ink:#e6eaf0;--soft:#98a3b3;
--line:#2b3340;--grid:#232b37;--accent:#6ea3f5;--good:#52c48b;--bad:#f0857a;--warn:#e3b455;--track:#262e3a;
--on:#11151c;--s0:#6ea3f5;--s1:#f29a4b;--s2:#4fc794;--s3:#b98cf2;--s4:#f0788e;--s5:#4cc3d3;--s6:#cfab6b;
--s7:#9aa5b5}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif}
main{max-width:1160px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:26px;line-height:1.2;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:18px;line-height:1.3;margin:0 0 12px;letter-spacing:-.005em}
h3{font-size:14px;margin:22px 0 8px}h3 small{font-weight:400}
.two h3{margin-top:4px}
p{margin:0 0 10px}
small,.lead,.sub{color:var(--soft)}
small{font-size:12.5px}
.lead{max-width:75ch;margin:-6px 0 14px;font-size:14px}
.title{display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px}
.sub{margin:6px 0 18px;overflow-wrap:anywhere}
.sub b{color:var(--ink);font-weight:600}
.pill{font-size:13px;font-weight:600;padding:2px 11px;border-radius:99px;border:1px solid currentColor;
white-space:nowrap}
.pill.good{color:var(--good)}.pill.bad{color:var(--bad)}.pill.warn{color:var(--warn)}.pill.busy{color:var(--accent)}
.notice{border-left:3px solid var(--warn);background:var(--panel);padding:10px 14px;margin:0 0 16px;
border-radius:0 8px 8px 0;overflow-wrap:anywhere}
.notice ul{margin:4px 0 0;padding-left:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:0 0 18px}
.card{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:12px 15px;min-width:0;
display:flex;flex-direction:column}
.card .label{font-size:12.5px;color:var(--soft)}
.card .big{font-size:24px;line-height:1.3;font-weight:650;letter-spacing:-.01em;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 18px;padding:0 2px;font-size:14px}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
section{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:18px 20px 20px;
margin:0 0 18px;scroll-margin-top:12px;min-width:0}
.two{margin-top:4px;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:22px 28px}
.two>*{min-width:0}
.stack>*+*{margin-top:20px}
figure{margin:0;min-width:0}
figcaption{font-size:14px;margin:0 0 6px;display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline}
.legend{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:12.5px;color:var(--soft);margin-left:auto}
.key::before{content:"";display:inline-block;width:16px;border-top:2.5px solid var(--c);margin:0 5px 4px 0}
.key.dashed::before{border-top-style:dashed}.key.dotted::before{border-top-style:dotted}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}
.s4{--c:var(--s4)}.s5{--c:var(--s5)}.s6{--c:var(--s6)}.s7{--c:var(--s7)}
svg{display:block;width:100%;height:auto;overflow:visible;touch-action:pan-y}
svg text{font-size:11px;fill:var(--soft);font-variant-numeric:tabular-nums}
svg .end{text-anchor:end}svg .mid{text-anchor:middle}
svg .stage{font-size:10px}
svg path{fill:none;stroke-width:1}
.grid{stroke:var(--grid)}.axis{stroke:var(--line)}
.border{stroke:var(--soft);stroke-dasharray:2 3;opacity:.75}
.line{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
.faint{opacity:.28;stroke-width:1}.band{fill:var(--c);stroke:none;opacity:.13}
.dashed{stroke-dasharray:6 4}.dotted{stroke-dasharray:1 4}
circle{fill:var(--c);stroke:var(--panel);stroke-width:1}
.cross{stroke:var(--soft);opacity:.6}
.none{color:var(--soft);font-size:13.5px;padding:26px 0;text-align:center;border:1px dashed var(--line);border-radius:8px}
#tip{position:fixed;z-index:9;pointer-events:none;background:var(--ink);color:var(--bg);border-radius:6px;
padding:6px 9px;font-size:12.5px;line-height:1.45;font-variant-numeric:tabular-nums;max-width:260px}
#tip b{font-weight:600}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
th:last-child,td:last-child{padding-right:2px}
th{font-size:12.5px;font-weight:600;color:var(--soft);vertical-align:bottom;white-space:nowrap}
tbody tr:last-child td{border-bottom:0}
.num{text-align:right;white-space:nowrap}
.num+td:not(.num),.num+th:not(.num){padding-left:14px}
td small{display:block}
.nb{white-space:nowrap}
.good-text{color:var(--good)}.bad-text{color:var(--bad)}
.bars{margin-bottom:6px}
.bars{display:grid;grid-template-columns:minmax(76px,max-content) 1fr max-content;gap:8px 14px;align-items:center;font-size:14px;
align-content:start}
.bars figcaption{grid-column:1/-1;margin-bottom:2px}
.bar{display:contents}
.bar .what{overflow-wrap:anywhere;max-width:220px}
.bar .value{text-align:right;font-variant-numeric:tabular-nums}
.track{position:relative;height:14px;background:var(--track);border-radius:3px}
.track i{position:absolute;top:0;bottom:0}
.fill{background:var(--c);border-radius:3px;min-width:1px}.fill.over{background:var(--bad)}
.whisker{border:solid var(--ink);border-width:0 1.5px;margin:2px 0}
.whisker::after{content:"";position:absolute;left:0;right:0;top:calc(50% - .75px);border-top:1.5px solid var(--ink)}
.cell-bar{display:inline-block;vertical-align:middle;width:54px;height:6px;border-radius:3px;background:var(--track);
margin-left:9px;overflow:hidden}
.cell-bar i{display:block;height:100%;background:var(--s0)}
.heat{width:auto;margin:0;font-size:12.5px}
.heat th,.heat td{border:0;padding:0}
.heat td{text-align:center;min-width:32px;height:28px;vertical-align:middle;padding:0 4px;
border:1px solid var(--panel);background:color-mix(in srgb,var(--k) calc(var(--a)*1%),var(--track))}
.heat .hit{--k:var(--s0)}.heat .miss{--k:var(--s4)}
.heat .deep{color:var(--on)}
.heat .zero{color:transparent;background:var(--track)}
.heat tbody th{text-align:right;padding-right:8px;vertical-align:middle;font-weight:500;color:var(--ink);
max-width:150px;overflow:hidden;text-overflow:ellipsis}
.heat thead th{height:88px;vertical-align:bottom;text-align:center;font-weight:500;color:var(--ink)}
.heat thead th span{display:inline-block;writing-mode:vertical-rl;transform:rotate(180deg);max-height:110px;
overflow:hidden;padding-top:5px;line-height:1.2}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:14px}
.tile{min-width:0;font-size:13px;line-height:1.4}
.tile .pic{display:flex;align-items:center;justify-content:center;width:100%;aspect-ratio:1;background:var(--track);
border-radius:8px;overflow:hidden;margin-bottom:6px}
.tile img{width:100%;height:100%;object-fit:contain;image-rendering:auto}
.tile .words{padding:10px;font-size:12.5px;overflow:hidden;overflow-wrap:anywhere;max-height:100%}
.tile p{margin:0;overflow-wrap:anywhere}
.tile .file{color:var(--soft);font-size:12px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
pre{margin:0;overflow-x:auto;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;
background:var(--bg);border:1px solid var(--line);border-radius:8px;padding:12px 14px;tab-size:2}
details>summary{cursor:pointer;color:var(--accent);font-size:14px;padding:6px 0}
footer{color:var(--soft);font-size:12.5px;margin-top:22px}
@media (max-width:560px){main{padding:18px 12px 40px}section{padding:15px 14px 16px}h1{font-size:22px}
.cards{grid-template-columns:repeat(2,minmax(0,1fr));gap:9px}.card{padding:10px 12px}.card .big{font-size:20px}
.legend{margin-left:0}.bars{display:block}.cell-bar{display:none}
.heat td{min-width:24px;height:26px;padding:0 1px}svg text{font-size:12.5px}svg .stage{font-size:11px}th,td{padding-right:10px}.bars figcaption{margin-bottom:4px}
.bar{display:grid;grid-template-columns:1fr max-content;gap:2px 10px;padding:4px 0}.bar .what{max-width:none}
.bar .track{grid-row:2;grid-column:1/3}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media print{body{background:#fff}section,.card{break-inside:avoid}nav{display:none}}
)css";
}

const char* script() {
  return R"js(
(function () {
  var tip = document.getElementById('tip');
  function hide(svg) {
    tip.hidden = true;
    var cross = svg.querySelector('.cross');
    if (cross) cross.remove();
  }
  function nearest(line, x) {
    var points = line.points, low = 0, high = points.numberOfItems - 1;
    while (low < high) {
      var mid = (low + high) >> 1;
      if (points.getItem(mid).x < x) low = mid + 1; else high = mid;
    }
    if (low > 0 && x - points.getItem(low - 1).x < points.getItem(low).x - x) low--;
    return { index: low, x: points.getItem(low).x, line: line };
  }
  document.querySelectorAll('svg[data-x]').forEach(function (svg) {
    var box = svg.dataset.box.split(' ').map(Number);
    var lines = Array.prototype.slice.call(svg.querySelectorAll('polyline[data-v]'));
    svg.addEventListener('pointerleave', function () { hide(svg); });
    svg.addEventListener('pointermove', function (event) {
      var rect = svg.getBoundingClientRect();
      var x = (event.clientX - rect.left) / rect.width * box[2];
      var found = lines.map(function (line) { return nearest(line, x); });
      var best = null;
      found.forEach(function (f) { if (!best || Math.abs(f.x - x) < Math.abs(best.x - x)) best = f; });
      hide(svg);
      if (!best || Math.abs(best.x - x) > 40) return;
      var cross = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      cross.setAttribute('class', 'cross');
      cross.setAttribute('d', 'M' + best.x + ' ' + box[0] + 'V' + box[1]);
      svg.appendChild(cross);
      tip.textContent = '';
      var seen = Object.create(null), at = '';
      found.sort(function (a, b) { return Math.abs(a.x - best.x) - Math.abs(b.x - best.x); });
      found.forEach(function (f) {
        var name = f.line.dataset.n;
        if (seen[name] || Math.abs(f.x - best.x) > 12) return;
        seen[name] = true;
        var value = f.line.dataset.v.trim().split(' ')[f.index].split(',');
        if (f === found[0]) {
          at = value[0];
          var head = document.createElement('b');
          head.textContent = svg.dataset.x + ' ' + value[0];
          tip.appendChild(head);
        }
        var row = document.createElement('div');
        row.textContent = (name ? name + ': ' : '') + value[1] + (value[0] === at ? '' : ' (at ' + value[0] + ')');
        tip.appendChild(row);
      });
      tip.hidden = false;
      var left = event.clientX + 14;
      if (left + tip.offsetWidth > window.innerWidth - 8) left = event.clientX - 14 - tip.offsetWidth;
      tip.style.left = Math.max(4, left) + 'px';
      tip.style.top = Math.max(4, event.clientY - tip.offsetHeight - 10) + 'px';
    });
  });
})();
)js";
}

}  // namespace graft::report
