#include "report/page.hpp"

#include "report/markup.hpp"

#include <fmt/format.h>

namespace daxtorture {
namespace {

constexpr std::string_view style = R"(
:root{--ground:#fcfcfb;--ink:#1d1f23;--soft:#5d636d;--line:#d9dce1;--plot:#2563a8;--fill:#2563a826;--wait:#a15c00;--waitfill:#f6e3c4;--wake:#1a7f45;
--pass:#1a7f45;--fail:#b3261e;--inconclusive:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ground:#16181c;--ink:#e6e8eb;--soft:#9aa1ac;--line:#343941;--plot:#7ab2ec;
--fill:#7ab2ec2e;--wait:#e6b95c;--waitfill:#463717;--wake:#5fc98b;--pass:#5fc98b;--fail:#ff8a80;--inconclusive:#e6b95c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--ground);color:var(--ink);
font:16px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.8rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .3rem}
.pass{color:var(--pass)}.fail{color:var(--fail)}.inconclusive{color:var(--inconclusive)}
dl{display:grid;grid-template-columns:minmax(6rem,auto) 1fr;gap:.2rem .8rem;margin:.6rem 0}
dt{color:var(--soft)}dd{margin:0}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:1rem}
figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:.5rem .6rem}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 .5rem;font-size:.9rem}
figcaption b{white-space:nowrap}figcaption span{color:var(--soft)}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}
svg .ink{fill:var(--ink)}svg .strong{font-weight:600}svg .wait{fill:var(--wait)}svg .wake{fill:var(--wake)}svg .bad{fill:var(--fail)}
figure p{margin:.3rem 0 0;font-size:.8rem;color:var(--soft)}.hint{color:var(--soft);font-size:.85rem;margin:.2rem 0 .6rem}
details{margin:.5rem 0}summary{cursor:pointer;color:var(--soft)}
pre{overflow-x:auto;border:1px solid var(--line);border-radius:6px;padding:.6rem;font-size:.8rem;line-height:1.35;
overflow-wrap:normal}
.wide{overflow-x:auto}
a{color:var(--plot)}code{font-size:.9em}pre.command{user-select:all;margin:.4rem 0}
.matrix td,.matrix th{border:0;padding:.15rem .4rem .15rem 0}.matrix th{font-weight:400;color:var(--soft)}
figure.page{overflow-x:auto}figure.page svg{min-width:40rem;overflow:visible}figure.page text{font-size:15px}
svg.spark{width:7.5rem;height:1.25rem;display:inline-block;vertical-align:middle}
.cell{display:inline-block;min-width:4.5rem;padding:.1rem .5rem;border-radius:4px;text-align:center;text-decoration:none;
color:var(--ink);border:1px solid transparent}
.cell.pass{background:color-mix(in srgb,var(--pass) 22%,var(--ground))}
.cell.fail,.cell.error{background:color-mix(in srgb,var(--fail) 32%,var(--ground))}
.cell.known{background:color-mix(in srgb,var(--fail) 12%,var(--ground));border:1px dashed var(--fail)}
.cell.inconclusive{background:color-mix(in srgb,var(--inconclusive) 25%,var(--ground))}
details>summary b{color:var(--ink)}
@media(max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.2rem .7rem .2rem 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
td:first-child,th:first-child{text-align:left}
)";

} // namespace

std::string html_page(std::string_view title, const std::string& body) {
    return fmt::format("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                       "<meta name=\"color-scheme\" content=\"light dark\"><title>{}</title><style>{}</style>"
                       "</head><body>\n{}</body></html>",
                       escaped(title), style, body);
}

std::string html_command(std::string_view command) {
    return fmt::format("<pre class=\"command\">{}</pre>\n", escaped(command));
}

} // namespace daxtorture
