"""Numbers for people, in templates. Not for numbers that a machine reads: those are unlocalised."""

from django import template
from django.utils import formats

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    """12345 as the reader's language writes it: 12,345."""
    return formats.number_format(number, use_l10n=True, force_grouping=True)
