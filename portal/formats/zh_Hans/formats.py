"""12,345, as newspapers and browsers write it in China. Django knows no separator there."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
