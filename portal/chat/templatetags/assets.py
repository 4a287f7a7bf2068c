"""Puts what Vite built into a template, by its hashed name. Builds nothing and serves nothing."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal import built

register = template.Library()


@register.simple_tag
def entry_styles(name: str) -> SafeString:
    """The style sheets of this entry. Nothing when the page has not been built."""
    entries = built.entries()
    styles = built.styles_of(entries, built.key_of(entries, name=name))
    return format_html_join(
        "\n",
        '<link rel="stylesheet" href="{}">',
        ((built.address_of(file),) for file in styles),
    )


@register.simple_tag
def entry_script(name: str) -> SafeString:
    """The script of this entry and the modules it needs at once."""
    entries = built.entries()
    *needed, own = built.scripts_of(entries, built.key_of(entries, name=name)) or [""]
    if not own:
        return SafeString("")
    preloads = format_html_join(
        "\n",
        '<link rel="modulepreload" href="{}">',
        ((built.address_of(file),) for file in needed),
    )
    script = format_html('<script type="module" src="{}"></script>', built.address_of(own))
    return preloads + script
