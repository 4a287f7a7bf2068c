"""`manage.py pull NAME`: fetch a model from a registry into the store."""

from portal.catalog.management.moving import MovesAModel


class Command(MovesAModel):
    help = "Fetch a model from a registry; interrupted, it goes on from where it was."
    kind = "pull"
    example = "qwen2.5:0.5b or hf.co/user/repo:Q4_K_M"
    when_cancelled = "What has come is kept; pull it again to go on."
