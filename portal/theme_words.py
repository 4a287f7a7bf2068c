"""Words of the administration's theme, which brings no translations of its own.

Nothing here runs: the list is read by `make words`, and ours are found when the theme asks. Only
what our pages show; its editors, importers and other extras are not installed.
"""

from django.utils.translation import gettext_noop as _

FOUND_IN_ITS_PAGES = (
    _("Add %(name)s"),
    _("Apply Filters"),
    _("By %(filter_title)s"),
    _("Dark"),
    _("Expand row"),
    _("False"),
    _("Filters"),
    _("General"),
    _("Go back"),
    _("Light"),
    _("Loading more results..."),
    _("More actions"),
    _("Next"),
    _("No data"),
    _("No recent searches"),
    _("No results found"),
    _("No results matching your query"),
    _("Previous"),
    _(
        "Raw passwords are not stored, so there is no way to see this "
        "user’s password, but you can change the password using "
        '<a href="{}" class="text-primary-600 dark:text-primary-500">this form</a>.'
    ),
    _("Recent searches"),
    _("Reset filters"),
    _("Return to site"),
    _("Run"),
    _("Search apps and models..."),
    _("Select action"),
    _("Select action to run"),
    _("Select all %(total_count)s %(module_name)s"),
    _("Select all rows"),
    _("Select record"),
    _("Select value"),
    _("Sorting priority: %(priority_number)s"),
    _("Submit"),
    _("System"),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("Toggle password visibility"),
    _("True"),
    _("Type to search"),
    _("Yes, I’m sure"),
)
