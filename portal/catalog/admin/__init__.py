"""The catalogue in the administration: doors only. Importing registers its pages."""

from portal.catalog.admin import models as models
